"""Whether a user may act by what was issued to it: one rule for every token and session."""

from datetime import datetime

from service.call import Call
from service.storage.mongo import Document
from service.users.store import USERS

STANDING = ("active", "revoked")
"""What of a user's document the rule goes by."""


async def find_standing(call: Call, user_id: str) -> Document | None:
    """What says whether the tokens of a user are good, or None where there is no such user.

    Raises: Unavailable.
    """
    return await call.storage[USERS].read(user_id, STANDING)


def is_good_for(user: Document | None, issued_at: datetime) -> bool:
    """Whether the user may act by what was issued then."""
    if user is None or not user.get("active"):
        return False
    revoked = user.get("revoked")
    return revoked is None or issued_at >= revoked["before"]
