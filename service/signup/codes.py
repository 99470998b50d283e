"""Codes in a user's document: of its sign-up, and to confirm its e-mail with.

The only code that knows their field names there. `registration_hash` is argon2id, for the code is
the caller's choice. `confirmation` has a plain SHA-256, for that code is long and random, and the
e-mail that it was made for: with another e-mail it is worth nothing.
"""

import hmac
import secrets
from datetime import timedelta
from hashlib import sha256

from schemas.signup import ConfirmationCode, SignUp
from service.call import Call
from service.storage.mongo import Document
from service.users.store import EMAIL_OF_ACTIVE, USERS, holder_query, new_signed_up

_CODE_BYTES = 24
_GOOD_FOR = timedelta(days=1)


async def new_registered(call: Call, id: str, request: SignUp) -> Document:
    """The document of a user who signs up.

    Raises: Overloaded.
    """
    hashed = await call.authority.hashing.hash(request.registrationCode)
    document = new_signed_up(call, id, request.email, request.language)
    return {**document, "registration_hash": hashed}


async def email_is_taken(call: Call, email: str) -> bool:
    """Whether an active user of the partner has the e-mail.

    Raises: Unavailable.
    """
    return await _holder(call, email) is not None


async def user_with_code(call: Call, email: str, code: str) -> str | None:
    """The id of the active user with this e-mail who signed up with this code, or None.

    It takes as long for an e-mail that nobody has, and for somebody who has no code.
    Raises: Overloaded, Unavailable.
    """
    user = await _holder(call, email)
    if user is None or not call.sees(user):
        user = {}
    right = await call.authority.hashing.matches(code, user.get("registration_hash"))
    return user["_id"] if right else None


def new_confirmation(call: Call, user: Document) -> tuple[Document, ConfirmationCode]:
    """A code for the user's present e-mail: as it is kept, and as it is to be mailed."""
    code = secrets.token_urlsafe(_CODE_BYTES)
    expires_at = call.now + _GOOD_FOR
    kept = {"hash": _hashed(code), "email_key": user["email_key"], "expires_at": expires_at}
    return kept, ConfirmationCode(confirmation_code=code, expires_at=expires_at)


def confirms(call: Call, user: Document, code: str) -> bool:
    """Whether the code is the one that was made last for the user's present e-mail."""
    made = user.get("confirmation")
    return (
        made is not None
        and made["email_key"] == user["email_key"]
        and made["expires_at"] > call.now
        and hmac.compare_digest(made["hash"], _hashed(code))
    )


async def _holder(call: Call, email: str) -> Document | None:
    query = holder_query(call, email)
    found = await call.storage[USERS].find(
        query, ("registration_hash",), hint=EMAIL_OF_ACTIVE, limit=1
    )
    return found[0] if found else None


def _hashed(code: str) -> bytes:
    return sha256(code.encode()).digest()
