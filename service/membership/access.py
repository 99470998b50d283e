"""Which accounts a caller may know of: its partner's, its domain's, and a user only its own."""

from service.call import Call
from service.membership import store
from service.membership.problems import AccountNotFound
from service.membership.roles import NONE
from service.storage.mongo import Document


def in_reach(call: Call, account: Document | None) -> Document:
    """The account, where partner and domain let the caller know of it.

    Raises: AccountNotFound.
    """
    if account is None or not call.sees(account, owner=call.caller.own_id):
        raise AccountNotFound(path="account_id")
    return account


async def has_role(call: Call, account_id: str, user_id: str) -> bool:
    """Whether the user has a role in the account.

    Raises: Unavailable.
    """
    membership = await store.find_seat(call, account_id, user_id)
    return membership is not None and membership["role"] != NONE


async def refuse_stranger(call: Call, account_id: str) -> None:
    """Refuse a user's own token in an account where the user has no role.

    Raises: AccountNotFound, Unavailable.
    """
    own_id = call.caller.own_id
    if own_id is not None and not await has_role(call, account_id, own_id):
        raise AccountNotFound(path="account_id")
