"""How a user's part in an account is written: alone, or together with the account's admins."""

from collections.abc import Callable

from schemas.membership import MembershipCreated, MembershipRole
from service.call import Call
from service.ids import new_id
from service.membership import roles, store
from service.membership.access import in_reach
from service.membership.problems import AlreadyMember, MembershipNotFound, NotAccountAdmin
from service.membership.roles import ADMIN, NONE
from service.membership.store import ACCOUNTS, MEMBERSHIPS, SEAT
from service.storage.errors import Duplicate
from service.storage.kind import ERASED_AT
from service.storage.mongo import Document
from service.storage.together import Transaction
from service.storage.writes import Change
from service.users.store import ADMIN_COUNT, USERS

Decide = Callable[[Document], Change | None]
"""Gets the membership; gives its change, or None for nothing to do. It may run several times."""


async def give_seat(
    call: Call, account: Document, user_id: str, membership: Document | None, role: Document
) -> MembershipRole:
    """Make the user's membership, or give the one that was removed a role again.

    Raises: AlreadyMember, KeyTaken, Unavailable.
    """
    memberships = call.storage[MEMBERSHIPS]
    reply = store.role_reply(account["_id"], user_id, role)
    data = store.membership_event(store.names_told(store.given(NONE), role))

    def decide(document: Document | None) -> Change:
        if document is None or document["role"] != NONE:
            raise AlreadyMember(path="member_access_token")
        return Change(MembershipCreated, role, data, reply=reply)

    if membership is not None:
        document = await memberships.change(call, membership["_id"], decide)
    else:
        new = store.new_membership(new_id(call.now), account, user_id, role)
        try:
            document = await memberships.insert(call, new, MembershipCreated, data, reply)
        except Duplicate:  # made since it was looked for
            raise AlreadyMember(path="member_access_token") from None
    call.etag = document["version"]
    return reply


async def change_membership(call: Call, account_id: str, user_id: str, decide: Decide) -> Document:
    """Change the user's part in the account, and give it as it is afterwards.

    Whoever the change makes an admin, proposes as one, or lets go is held to the rules here, on the
    account as the transaction sees it. Two that change the admins at once meet in its document.
    Raises: AccountNotFound, NotAccountAdmin, MembershipNotFound, VersionConflict, what `decide`
    raises; FundsSettled, LastAdmin, UserNotActive, UserNotConfirmed; Unavailable.
    """

    async def work(transaction: Transaction) -> Document:
        account = in_reach(call, await transaction.read(ACCOUNTS, account_id))
        if call.caller.own_id is not None and call.caller.own_id not in account["admins"]:
            raise NotAccountAdmin
        membership = await _seated(transaction, account_id, user_id)
        call.expect_version(membership["version"])
        change = decide(membership)
        if change is None:
            return membership
        after = {**membership, **change.fields}
        if after["pending"] or after["role"] == ADMIN:
            roles.refuse_settled(account)
            user = await transaction.read(USERS, user_id)
            if user is None or ERASED_AT in user:
                raise MembershipNotFound(path="user_id")
            roles.refuse_unfit(user, "user_id")
            if after["role"] == ADMIN:
                # So that the erasure of this user, which looks for the accounts that it is an
                # admin of, cannot be carried out beside this.
                await transaction.raise_count(USERS, user_id, ADMIN_COUNT)
        admins = roles.admins_after(account, user_id, after["role"])
        if admins != account["admins"]:
            await transaction.apply(ACCOUNTS, account, store.admins_changed(admins))
        return await transaction.apply(MEMBERSHIPS, membership, change)

    document = await call.storage.together(call, work, turns=(account_id, user_id))
    call.etag = document["version"]
    return document


async def _seated(transaction: Transaction, account_id: str, user_id: str) -> Document:
    query = {SEAT: store.seat(account_id, user_id)}
    found = await transaction.find(MEMBERSHIPS, query, hint=SEAT, limit=1)
    if not found or found[0]["role"] == NONE:
        raise MembershipNotFound(path="user_id")
    return found[0]
