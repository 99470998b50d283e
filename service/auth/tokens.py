"""Tokens: verified once, then remembered until they expire or somebody revokes them.

The memory is good for as long as the worker knows what is revoked. One that was frozen, or whose
looks at MongoDB fail, verifies each token anew before it trusts it again for a while.
"""

import math
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from schemas.base import CANONICAL_UUID
from service.auth import nats_jwt
from service.auth.issuer import ISSUER
from service.auth.keys import PublicKey, TrustedIssuer
from service.auth.scopes import ALL_SCOPES, USER_SCOPES, TokenUse
from service.bounded import Bounded
from service.call import Caller
from service.problems import TokenExpired, Unauthenticated

LONGEST = 8_192
"""Characters of a token at most; more is refused unread."""

_REMEMBERED = 20_000
_NEVER = sys.maxsize
_TRUSTED = 4.0
"""Seconds without news of revocations after which a worker trusts its memory no more: a token must
stop working within 5.
"""

_SKEW = 5.0
"""Seconds that another machine's clock may be ahead when it issues a token."""

_UUID = re.compile(CANONICAL_UUID)
_REQUIRED = ("sub", "exp", "iat", "jti", "partner", "scope", "use")


class Revocations(Protocol):
    """Knows whose tokens have stopped working."""

    @property
    def known_at(self) -> float:
        """When the last look that told of all revocations began, by the monotonic clock."""

    async def refuse_revoked(self, caller: Caller) -> None:
        """Raise Unauthenticated if the caller's token was revoked after it was issued."""


class Verifier:
    """Turns a token into the caller that it speaks for."""

    def __init__(
        self,
        issuers: Sequence[TrustedIssuer],
        revocations: Revocations,
        nats_accounts: Mapping[str, Ed25519PublicKey] | None = None,
        nats_without_expiry: bool = False,
        look_for_keys: Callable[[], None] | None = None,
    ) -> None:
        """`look_for_keys` is called for a key of our own issuer that is not known yet."""
        self._issuers = {issuer.issuer: issuer for issuer in issuers}
        self._revocations = revocations
        self._nats_accounts = nats_accounts or {}
        self._nats_without_expiry = nats_without_expiry
        self._look_for_keys = look_for_keys
        self._remembered: Bounded[str, tuple[Caller, float]] = Bounded(_REMEMBERED)
        """Callers by token, each with the monotonic time at which its verification began."""

    def trust(self, issuer: TrustedIssuer) -> None:
        """Trust these keys of the issuer from now on, and no others."""
        self._issuers = {**self._issuers, issuer.issuer: issuer}
        self._remembered.clear()

    def distrust(self, name: str) -> None:
        """Trust the issuer of this name no more."""
        self._issuers = {k: issuer for k, issuer in self._issuers.items() if k != name}
        self._remembered.clear()

    async def caller_of(self, token: str, now: float) -> Caller:
        """The caller that a token speaks for, verified where it was not yet.

        Raises: Unauthenticated, TokenExpired; Unavailable, when revocations cannot be read.
        """
        return self.remembered(token, now) or await self.verify(token, now)

    def remembered(self, token: str, now: float) -> Caller | None:
        """The caller of a token seen before, if the token is known to be still good.

        Raises: TokenExpired.
        """
        known = self._remembered.get(token)
        if known is None:
            return None
        caller, verified_at = known
        if caller.expires_at <= now:
            del self._remembered[token]
            raise TokenExpired
        since = time.monotonic() - _TRUSTED
        if self._revocations.known_at < since and verified_at < since:
            return None
        return caller

    async def verify(self, token: str, now: float) -> Caller:
        """Verify a token's signature, issuer, audience, times and form, and that it stands.

        Raises: Unauthenticated, TokenExpired; Unavailable, when revocations cannot be read.
        """
        began = time.monotonic()
        caller = self._checked(token, now)
        trusted = self._issuers
        await self._revocations.refuse_revoked(caller)
        if self._issuers is not trusted:
            return caller  # the keys have changed meanwhile: next time by the new ones
        self._remembered[token] = (caller, began)
        return caller

    def claimed(self, token: str, now: float) -> Caller | None:
        """Whom a token speaks for by its signature and form alone, revoked or not, or None."""
        try:
            return self._checked(token, now)
        except (Unauthenticated, TokenExpired):
            return None

    def forget(self, ids: frozenset[str]) -> None:
        """Verify the tokens of these users, sessions and clients anew when they come again."""
        gone = [
            token
            for token, (caller, _) in self._remembered.items()
            if caller.subject in ids or caller.session in ids or caller.client in ids
        ]
        for token in gone:
            del self._remembered[token]

    def _checked(self, token: str, now: float) -> Caller:
        if len(token) > LONGEST:
            raise Unauthenticated
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") == nats_jwt.ALGORITHM:
                return self._nats_caller(token, now)
            claims = self._claims(token, header)
            _check_times(claims, now)
            return _caller(claims)
        except (jwt.PyJWTError, nats_jwt.NotTrusted, RecursionError):
            raise Unauthenticated from None

    def _claims(self, token: str, header: Mapping[str, Any]) -> dict[str, Any]:
        unverified = jwt.decode(token, options={"verify_signature": False})
        name, algorithm = str(unverified.get("iss")), str(header.get("alg"))
        candidates = self._candidates(name, header.get("kid"), algorithm)
        if not candidates and name == ISSUER and self._look_for_keys is not None:
            self._look_for_keys()  # another worker may have read a new ring just before
            candidates = self._candidates(name, header.get("kid"), algorithm)
        if not candidates:
            raise Unauthenticated
        issuer = self._issuers[name]
        for key in candidates:
            try:
                return jwt.decode(
                    token,
                    key.key,
                    algorithms=[algorithm],
                    audience=issuer.audience,
                    issuer=issuer.issuer,
                    # The times are checked against the worker's own clock.
                    options={
                        "require": list(_REQUIRED),
                        "verify_exp": False,
                        "verify_iat": False,
                        "verify_nbf": False,
                    },
                )
            except jwt.InvalidSignatureError:
                continue
        raise Unauthenticated

    def _candidates(self, name: str, key_id: str | None, algorithm: str) -> list[PublicKey]:
        issuer = self._issuers.get(name)
        return list(issuer.candidates(key_id, algorithm)) if issuer is not None else []

    def _nats_caller(self, token: str, now: float) -> Caller:
        claims = nats_jwt.verified_claims(token, self._nats_accounts)
        if "exp" not in claims and not self._nats_without_expiry:
            raise Unauthenticated("A NATS user JWT without an expiry is not accepted here.")
        claims.setdefault("exp", _NEVER)
        _check_times(claims, now)
        return Caller(
            subject=claims["sub"],
            partners=nats_jwt.tagged(claims, "partner"),
            use=TokenUse.CLIENT,
            scopes=nats_jwt.tagged(claims, "scope") & ALL_SCOPES,
            domain=None,
            issued_at=claims["iat"],
            expires_at=claims["exp"],
            partners_folded=True,
        )


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    times = [claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)]
    if not all(_is_time(time) for time in times):
        raise Unauthenticated
    issued, expires, not_before = times
    if expires <= now:
        raise TokenExpired
    # Before 1970 there were no tokens, and far enough back there are no dates.
    if not 0 <= issued <= now + _SKEW or not_before > now + _SKEW:
        raise Unauthenticated


def _is_time(value: Any) -> bool:
    """Whether it is a number that has its place among others, as NaN and Infinity have not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -math.inf < value < math.inf


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _caller(claims: Mapping[str, Any]) -> Caller:
    partners = claims["partner"]
    partners = [partners] if isinstance(partners, str) else partners
    scope, subject, domain = claims["scope"], claims["sub"], claims.get("domain")
    strings = isinstance(partners, list) and all(
        isinstance(text, str) for text in (*partners, scope, subject)
    )
    if not strings or claims["use"] not in list(TokenUse):
        raise Unauthenticated
    # The subject is written into events and logs: there must be one, and it must be writable.
    if not subject or not subject.isprintable():
        raise Unauthenticated
    use = TokenUse(claims["use"])
    if domain is not None and not _is_id(domain):
        raise Unauthenticated
    if use is not TokenUse.CLIENT and not _UUID.fullmatch(subject):
        raise Unauthenticated
    scopes = frozenset(scope.split())
    own = claims["iss"] == ISSUER
    session, client = (claims.get("sid"), claims.get("client_id")) if own else (None, None)
    # Both go into a query for what was revoked.
    if not all(_is_id(each) for each in (session, client) if each is not None):
        raise Unauthenticated
    return Caller(
        subject=subject,
        partners=frozenset(partners),
        use=use,
        scopes=scopes if use is TokenUse.CLIENT else scopes & USER_SCOPES,
        domain=domain,
        issued_at=claims["iat"],
        expires_at=claims["exp"],
        token_id=claims["jti"],
        session=session,
        client=client,
    )
