"""One request on its way through a handler: who asks, of which partner, under which headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from service.auth.scopes import Scope, TokenUse
from service.problems import VersionConflict
from service.storage.kind import ERASED_AT

if TYPE_CHECKING:
    from service.preference.catalogue import Catalogue
    from service.storage.storage import Storage
    from service.tokens.authority import Authority


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a verified token speaks for, and what it may do."""

    subject: str
    partners: frozenset[str]
    use: TokenUse
    scopes: frozenset[str]
    domain: str | None
    issued_at: float
    """Seconds since 1970, UTC, as `expires_at`."""
    expires_at: float
    token_id: str | None = None
    session: str | None = None
    """The session that the token is of, where svc-user issued it to a client."""
    client: str | None = None
    """The client that it was issued to."""
    partners_folded: bool = False
    """Whether the partners are known in lower case only, as NATS keeps its tags."""

    def may_ask_for(self, partner: str) -> bool:
        """Whether the token is for this partner."""
        return (partner.lower() if self.partners_folded else partner) in self.partners

    def has(self, scope: Scope) -> bool:
        """Whether the token carries the scope."""
        return scope in self.scopes

    @property
    def own_id(self) -> str | None:
        """The user's id for a user's own token, None for a client's."""
        return None if self.use is TokenUse.CLIENT else self.subject

    @property
    def rights(self) -> str:
        """What decides which data the caller reaches; equal for callers of the same rights."""
        return f"{self.use}|{self.own_id or ''}|{self.domain or ''}"


NOBODY = Caller(
    subject="anonymous",
    partners=frozenset(),
    use=TokenUse.CLIENT,
    scopes=frozenset(),
    domain=None,
    issued_at=0.0,
    expires_at=0.0,
)
"""Who asks a public operation."""


Forget = Callable[[str], Awaitable[None]]
"""Carries out the erasure of a person that was begun, as far as that is possible now."""


async def leave_to_a_sweep(_person_id: str) -> None:
    """Do nothing: what was begun is carried out by whichever worker sweeps next."""


def to_the_millisecond(moment: datetime) -> datetime:
    """The moment as MongoDB keeps it."""
    beyond = moment.microsecond % 1_000
    return moment - timedelta(microseconds=beyond) if beyond else moment


@dataclass(slots=True)
class Call:
    """What a handler gets besides the request."""

    operation: str
    """`user.create`."""
    partner: str
    caller: Caller
    request_id: str
    now: datetime
    """When the request arrived, to the millisecond, which is what MongoDB keeps."""
    storage: Storage
    authority: Authority
    catalogue: Catalogue
    """The notification preferences that there are."""
    max_reply: int
    """Bytes that the body of a reply or an event may have: `max_payload` less the headers."""
    idempotency_key: str | None = None
    fingerprint: bytes = b""
    """A keyed hash of the validated request and the caller's rights."""
    if_match: int | None = None
    trace: dict[str, str] = field(default_factory=dict)
    """`traceparent` and `tracestate`, where the request has them."""
    forget: Forget = leave_to_a_sweep
    etag: int | None = None
    """The version that the reply is about; the handler says it."""

    def sees(self, document: dict[str, Any] | None, owner: str | None = None) -> bool:
        """Whether the document exists for this caller.

        It must not be erased; it must be the partner's; under the token's administrator, where the
        token has one; and, for a user's own token, the user's own: `owner` is whose it is.
        """
        if document is None or ERASED_AT in document:
            return False
        return self.reaches(document, owner)

    def reaches(self, document: dict[str, Any], owner: str | None = None) -> bool:
        """Whether the document is of those that this caller may see, erased or not."""
        if document["partner"] != self.partner:
            return False
        caller = self.caller
        if caller.domain is not None and document.get("domain") != caller.domain:
            return False
        return caller.own_id is None or caller.own_id == owner

    def expect_version(self, version: int) -> None:
        """Obey If-Match.

        Raises: VersionConflict.
        """
        if self.if_match is not None and self.if_match != version:
            raise VersionConflict
