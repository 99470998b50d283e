"""Sessions in MongoDB: the only code that knows their field names there.

A session begins with the exchange of a registration code and goes on with each refresh. It names
the one access token that is good, and holds hashes of its refresh tokens: `family_hash` of the part
that all of them share, `refresh_hash` of the part that is the latest one's own. So one that is
genuine but not the latest shows itself, and one that is made up can end nobody's session.

`revoked.at` is when an access token last stopped working, and others must know.
"""

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal, Self
from uuid import UUID

from schemas.token import TokenRevoked, TokenRevokedData
from service.call import Call
from service.ids import new_id, random_id
from service.storage.errors import Duplicate
from service.storage.kind import Index, Kind
from service.storage.mongo import Document
from service.storage.writes import Change
from service.tokens.clients import Client

CODE_SPENT = "code_spent"
"""The unique index that lets a registration code serve once, however many exchanges race."""

SESSIONS = Kind(
    "sessions",
    (
        Index(CODE_SPENT, ("user_id",), unique=True, where={"grant": "registration_code"}),
        Index("revoked", ("revoked.at",), where={"revoked.at": {"$exists": True}}),
    ),
)

_ID_BYTES = 16
_PART_BYTES = 24


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token, taken apart."""

    session_id: str
    family: bytes
    own: bytes

    @classmethod
    def first(cls, session_id: str) -> Self:
        """The first one of a session."""
        return cls(session_id, secrets.token_bytes(_PART_BYTES), secrets.token_bytes(_PART_BYTES))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Take the text of one apart; None if it is not of the form."""
        try:
            raw = base64.b64decode(text, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(raw) != _ID_BYTES + 2 * _PART_BYTES:
            return None
        id, parts = raw[:_ID_BYTES], raw[_ID_BYTES:]
        return cls(str(UUID(bytes=id)), parts[:_PART_BYTES], parts[_PART_BYTES:])

    def next(self) -> Self:
        """The one that takes this one's place."""
        return type(self)(self.session_id, self.family, secrets.token_bytes(_PART_BYTES))

    @property
    def text(self) -> str:
        """The token as it is handed out; its length needs no padding."""
        raw = UUID(self.session_id).bytes + self.family + self.own
        return base64.urlsafe_b64encode(raw).decode()


@dataclass(frozen=True, slots=True)
class Session:
    """A session after a token of it was made: which access token is good, and how to go on."""

    user_id: str
    token_id: str
    refresh_token: RefreshToken
    refresh_expires_at: datetime


async def begin(call: Call, client: Client, user_id: str) -> Session | None:
    """Begin the session of a user by its registration code; None if the code is spent.

    Raises: Unavailable.
    """
    token = RefreshToken.first(new_id(call.now))
    session = _with(call, user_id, token)
    document = {
        "_id": token.session_id,
        "user_id": user_id,
        "client_id": client.id,
        "grant": "registration_code",
        "family_hash": _hashed(token.family),
        "ended": False,
        **_latest(session),
    }
    try:
        await call.storage[SESSIONS].start(call, document)
    except Duplicate:
        return None
    return session


async def find(call: Call, client: Client, token: RefreshToken) -> Document | None:
    """The living session that a refresh token is or was of, for this client, or None.

    Raises: Unavailable.
    """
    found = await call.storage[SESSIONS].read(token.session_id)
    if (
        found is None
        or found["partner"] != call.partner
        or found["ended"]  # first: of one that was erased there is nothing else to see
        or found["client_id"] != client.id
        or not hmac.compare_digest(found.get("family_hash", b""), _hashed(token.family))
    ):
        return None
    return found


def is_latest(document: Document, token: RefreshToken) -> bool:
    """Whether the token is the latest of the session: any other was used before."""
    return hmac.compare_digest(document["refresh_hash"], _hashed(token.own))


async def go_on(call: Call, document: Document, token: RefreshToken) -> Session | None:
    """Go on with other tokens; None if this one was used meanwhile, or the session ended.

    Raises: Unavailable.
    """
    session = _with(call, document["user_id"], token.next())
    expected = {"refresh_hash": document["refresh_hash"], "ended": False}
    fields = {**_latest(session), "revoked": {"at": call.now}, "updated_at": call.now}
    won = await call.storage[SESSIONS].set_untold(document["_id"], expected, fields)
    return session if won else None


async def end(call: Call, session_id: str, reason: Literal["revoked", "reused"]) -> None:
    """End a session, if there is one: none of its tokens works any more.

    Raises: Unavailable.
    """
    if await call.storage[SESSIONS].read(session_id, ("ended",)) is None:
        return

    def data(document: Document) -> TokenRevokedData:
        return _told(document, reason)

    def decide(document: Document | None) -> Change | None:
        if document is None or document["ended"]:
            return None
        fields = {"ended": True, "revoked": {"at": call.now}}
        return Change(TokenRevoked, fields, data)

    await call.storage[SESSIONS].change(call, session_id, decide)


async def end_of_client(call: Call, client: Client, session_id: str) -> None:
    """End what a client's own token is all of: no document is made of it before.

    Raises: Unavailable.
    """
    document = {
        "_id": session_id,
        "client_id": client.id,
        "grant": "client_credentials",
        "ended": True,
        "revoked": {"at": call.now},
    }
    try:
        await call.storage[SESSIONS].insert(
            call, document, TokenRevoked, lambda ended: _told(ended, "revoked"), {}
        )
    except Duplicate:
        return  # ended before


def _with(call: Call, user_id: str, token: RefreshToken) -> Session:
    expires = call.now + timedelta(seconds=call.authority.refresh_seconds)
    return Session(user_id, random_id(), token, expires)


def _latest(session: Session) -> Document:
    return {
        "token_id": session.token_id,
        "refresh_hash": _hashed(session.refresh_token.own),
        "refresh_expires_at": session.refresh_expires_at,
    }


def _told(document: Document, reason: Literal["revoked", "reused"]) -> TokenRevokedData:
    return TokenRevokedData(
        session_id=document["_id"],
        user_id=document.get("user_id"),
        client_id=document["client_id"],
        reason=reason,
        changed=["revoked"],
    )


def _hashed(part: bytes) -> bytes:
    return sha256(part).digest()
