"""The operations of svc.account."""

from schemas.membership import (
    Account,
    AccountCreated,
    AccountId,
    AccountList,
    AccountSettled,
    CreateAccount,
    ListAccounts,
    MembershipCreated,
)
from service.auth.scopes import CLIENTS, Scope
from service.call import Call
from service.ids import new_id
from service.membership import roles, store
from service.membership.access import in_reach, refuse_stranger
from service.membership.problems import AccountNotFound, UserNotActive, UserNotConfirmed
from service.membership.roles import ADMIN, NONE
from service.membership.store import ACCOUNTS, MEMBERSHIPS
from service.operation import Module, Operations
from service.organisation.parents import named_entity
from service.organisation.problems import EntityNotFound
from service.problems import InvalidCursor, OutsideDomain
from service.storage.mongo import Document
from service.storage.pages import PageOf, cut, from_cursor, place_of, read_page
from service.storage.together import Transaction
from service.storage.writes import Change
from service.users.problems import UserNotFound
from service.users.store import ADMIN_COUNT, USERS

account_operations = Operations("account", module=Module.MEMBERSHIP)


@account_operations.command(
    "create",
    scope=Scope.WRITE_ACCOUNT,
    callers=CLIENTS,
    creates=ACCOUNTS,
    emits=[AccountCreated, MembershipCreated],
    refuses=[UserNotFound, UserNotActive, UserNotConfirmed, EntityNotFound, OutsideDomain],
)
async def create(request: CreateAccount, call: Call) -> Account:
    """Create an account; its owner is its first admin."""
    entity = await _entity(request, call)
    account = store.new_account(new_id(call.now), request, entity)
    role = store.given(ADMIN)
    owner = store.new_membership(new_id(call.now), account, request.owner_user_id, role)
    reply = store.account_view({**account, "created_at": call.now, "version": 1})

    async def work(transaction: Transaction) -> None:
        user = await transaction.read(USERS, request.owner_user_id)
        if user is None or not call.sees(user):
            raise UserNotFound(path="owner_user_id")
        roles.refuse_unfit(user, "owner_user_id")
        await transaction.raise_count(USERS, request.owner_user_id, ADMIN_COUNT)
        told = store.account_event(sorted(name for name, value in request if value is not None))
        await transaction.insert(ACCOUNTS, account, AccountCreated, told, reply)
        told_of_owner = store.membership_event(store.names_told(store.given(NONE), role))
        await transaction.insert(MEMBERSHIPS, owner, MembershipCreated, told_of_owner)

    await call.storage.together(call, work, keeps=ACCOUNTS, turns=(request.owner_user_id,))
    call.etag = 1
    return reply


@account_operations.query("get", scope=Scope.READ_ACCOUNT, refuses=[AccountNotFound])
async def get(request: AccountId, call: Call) -> Account:
    """Read an account."""
    await refuse_stranger(call, request.account_id)
    document = await call.storage[ACCOUNTS].read(request.account_id, store.ACCOUNT_FIELDS)
    account = in_reach(call, document)
    call.etag = account["version"]
    return store.account_view(account)


@account_operations.query("list", scope=Scope.READ_ACCOUNT, refuses=[InvalidCursor])
async def list_accounts(request: ListAccounts, call: Call) -> AccountList:
    """List accounts, oldest first; of a user, those that it has a role in."""
    if request.user_id is not None or call.caller.own_id is not None:
        page = await _page_of_user(request, call)
    else:
        query, index = store.accounts_query(call, request)
        page = await read_page(
            call,
            call.storage[ACCOUNTS],
            query,
            request,
            store.account_view,
            hint=index,
            fields=store.ACCOUNT_FIELDS,
        )
    return AccountList(items=page.items, next_cursor=page.next_cursor)


@account_operations.command(
    "record_settlement",
    scope=Scope.WRITE_ACCOUNT,
    callers=CLIENTS,
    versioned=True,
    emits=[AccountSettled],
    refuses=[AccountNotFound],
)
async def record_settlement(request: AccountId, call: Call) -> Account:
    """Record that the account has settled funds: from now on its admins cannot change."""

    def decide(document: Document | None) -> Change | None:
        account = in_reach(call, document)
        call.expect_version(account["version"])
        if account["settled"]:
            return None
        fields = {"settled": True, "settled_at": call.now}
        return Change(AccountSettled, fields, store.account_event(sorted(fields)))

    document = await call.storage[ACCOUNTS].change(call, request.account_id, decide)
    call.etag = document["version"]
    return store.account_view(document)


async def _entity(request: CreateAccount, call: Call) -> Document | None:
    if request.entity_id is not None:
        return await named_entity(call, request.entity_id, "entity_id")
    if call.caller.domain is not None:
        # An account of no entity would lie outside the domain that makes it.
        raise OutsideDomain(
            "A token with a domain must name an entity that lies under it.", path="entity_id"
        )
    return None


async def _page_of_user(request: ListAccounts, call: Call) -> PageOf[Document]:
    """A page of the accounts that a user has a role in; for a user's token, of those it has too."""
    own_id = call.caller.own_id
    query = store.within(call, request.entity_id)
    if own_id is not None and request.user_id not in (None, own_id):
        query["account_id"] = {"$in": await store.find_account_ids(call, own_id, query)}
    wanted = from_cursor(call, query, request, "account_id")
    user_id = request.user_id or call.caller.subject
    ids = await store.find_account_ids(call, user_id, wanted, request.limit + 1)
    accounts = await call.storage[ACCOUNTS].find(
        {"_id": {"$in": ids}}, store.ACCOUNT_FIELDS, hint="_id_"
    )
    return cut(call, accounts, request.limit, store.account_view, place_of)
