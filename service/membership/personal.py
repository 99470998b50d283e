"""What svc.membership holds on a person: its part in each account, its place among the admins."""

from schemas.membership import MembershipRemoved
from service.call import Call
from service.membership import roles, store
from service.membership.roles import ADMIN, NONE, ROLES
from service.membership.store import ACCOUNTS, MEMBERSHIPS
from service.personal import Holding, Shelf, Where
from service.storage.mongo import Document
from service.storage.together import Transaction
from service.storage.writes import Change


def _of_user(partner: str, person_id: str) -> Where:
    # Role and pending named one by one, so that the index gives the memberships in their order.
    query = {
        "partner": partner,
        "user_id": person_id,
        "pending": {"$in": [True, False]},
        "role": {"$in": [*ROLES, NONE]},
    }
    return query, "of_user"


def _view(_call: Call, membership: Document) -> object:
    return store.membership_view(membership)


def _removed(membership: Document) -> Change | None:
    """The role goes, as others see it go; and with it why it was asked for."""
    if membership["role"] == NONE:
        return None
    role = store.given(NONE)
    told = store.membership_event(store.names_told(membership, role))
    return Change(MembershipRemoved, role, told)


async def leave_admins(transaction: Transaction, user: Document) -> None:
    """Take the user out of the admins of every account, also of one that has settled funds.

    Raises: LastAdmin, where it is the only one; WriteConflict, Unavailable.
    """
    query = {"partner": user["partner"], "user_id": user["_id"], "role": ADMIN}
    found = await transaction.find(
        MEMBERSHIPS, query, {"account_id": True}, hint="accounts_of_user"
    )
    if not found:
        return
    ids = [membership["account_id"] for membership in found]
    accounts = await transaction.find(ACCOUNTS, {"_id": {"$in": ids}}, hint="_id_")
    changes = [
        (account, store.admins_changed(roles.admins_without(account, user["_id"])))
        for account in accounts
        if user["_id"] in account["admins"]
    ]
    await transaction.apply_all(ACCOUNTS, changes)


MEMBERSHIPS_HELD = Holding(
    Shelf("memberships", MEMBERSHIPS, _of_user, _view), service="membership", ends=_removed
)
