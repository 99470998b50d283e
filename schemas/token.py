"""svc.token: tokens for clients, and for the users that they act for.

Sources: seeds 001 and 004 (Wise); the grants are OAuth 2.0's (RFC 6749), revocation is RFC 7009's,
the keys are a JWKS (RFC 7517).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import StringConstraints, ValidationError, model_validator
from typing_extensions import TypedDict

from schemas.base import Line, Request, left_out
from schemas.email import Email
from schemas.event import EventData, EventType
from schemas.signup import RegistrationCode
from schemas.user import wrong

ScopeList = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
AnyToken = Annotated[str, StringConstraints(min_length=1, max_length=8192)]

# What each grant needs; `scope` is the only field that may be left out.
_FIELDS: Mapping[str, frozenset[str]] = {
    "client_credentials": frozenset(),
    "registration_code": frozenset({"email", "registration_code"}),
    "refresh_token": frozenset({"refresh_token"}),
}
_SPECIAL = ("scope", "email", "registration_code", "refresh_token")


class IssueToken(Request):
    """A client, and by what it asks for a token."""

    grant_type: Literal["client_credentials", "registration_code", "refresh_token"]
    client_id: Line
    client_secret: Line
    scope: ScopeList = left_out()
    email: Email = left_out()
    registration_code: RegistrationCode = left_out()
    refresh_token: Line = left_out()

    @model_validator(mode="after")
    def _fields_of_the_grant(self) -> Self:
        needed = _FIELDS[self.grant_type]
        allowed = needed or {"scope"}
        sent = self.model_fields_set
        missing = [name for name in _SPECIAL if name in needed and name not in sent]
        strange = [name for name in _SPECIAL if name in sent and name not in allowed]
        if missing or strange:
            raise ValidationError.from_exception_data(
                "grant",
                [
                    *(wrong(name, "missing", "required for this grant") for name in missing),
                    *(wrong(name, "extra_forbidden", "not for this grant") for name in strange),
                ],
            )
        return self


class RevokeToken(Request):
    """A client, and a token of its own that is to work no more: an access or a refresh token."""

    client_id: Line
    client_secret: Line
    token: AnyToken


class IssuedToken(TypedDict):
    """A token; the last three are null for a client's own, which has nothing to refresh it by."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int
    expires_at: datetime
    scope: str
    refresh_token: str | None
    refresh_token_expires_in: int | None
    refresh_token_expires_at: datetime | None


class RevokedToken(TypedDict):
    """That the token works no more, whatever it was before."""

    revoked: Literal[True]


class PublicJwk(TypedDict):
    """A public key of the issuer (RFC 8037)."""

    kty: str
    crv: str
    x: str
    kid: str
    alg: str
    use: str


class Jwks(TypedDict):
    """The issuer's public keys."""

    keys: list[PublicJwk]


class TokenRevokedData(EventData):
    """A session after its end: none of its tokens works any more."""

    session_id: str
    user_id: str | None
    client_id: str
    reason: Literal["revoked", "reused"]


TokenRevoked = EventType(
    "token.revoked",
    TokenRevokedData,
    "The tokens of a session work no more: somebody revoked them, or used a refresh token twice.",
)
