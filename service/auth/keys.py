"""The public keys that tokens are verified with, by issuer."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import jwt

from service.auth.issuer import AUDIENCE, ISSUER, SigningKeys

# One family of algorithms for a key's type: a token cannot choose how its key is read (RFC 8725).
_ALGORITHMS: Mapping[tuple[str, str], frozenset[str]] = {
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("RSA", ""): frozenset({"RS256", "PS256"}),
}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, and the algorithms that it may verify."""

    id: str | None
    key: Any
    algorithms: frozenset[str]


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An issuer of tokens that the deployment trusts."""

    issuer: str
    audience: str
    keys: tuple[PublicKey, ...]

    @classmethod
    def own(cls, ring: SigningKeys) -> Self:
        """svc-user's own issuer."""
        return cls(ISSUER, AUDIENCE, _public_keys(ring.jwks()))

    @classmethod
    def external(cls, issuer: str, audience: str, jwks: Mapping[str, Any] | Path) -> Self:
        """An issuer elsewhere, by its JWKS (RFC 7517), inline or in a file.

        Raises: OSError; ValueError, when no key in it can be used.
        """
        if isinstance(jwks, Path):
            jwks = json.loads(jwks.read_text())
        keys = _public_keys(jwks)
        if not keys:
            raise ValueError(f"no Ed25519, P-256 or RSA key for the issuer {issuer}")
        return cls(issuer, audience, keys)

    def candidates(self, key_id: str | None, algorithm: str) -> Iterable[PublicKey]:
        """The keys that may have signed a token with this header."""
        return (
            key
            for key in self.keys
            if algorithm in key.algorithms and (key_id is None or key.id in (None, key_id))
        )


def _public_keys(jwks: Any) -> tuple[PublicKey, ...]:
    try:
        return tuple(key for jwk in jwks["keys"] if (key := _public_key(jwk)) is not None)
    except (KeyError, TypeError, jwt.PyJWTError) as error:
        raise ValueError("not a JSON Web Key Set") from error


def _public_key(jwk: Mapping[str, Any]) -> PublicKey | None:
    algorithms = _ALGORITHMS.get((jwk["kty"], jwk.get("crv", "")))
    if algorithms is None or "d" in jwk or jwk.get("use", "sig") != "sig":
        return None
    if "alg" in jwk:
        algorithms &= {jwk["alg"]}
    # Any algorithm of the family reads the key the same way.
    key = jwt.PyJWK(dict(jwk), algorithm=min(algorithms)) if algorithms else None
    return PublicKey(jwk.get("kid"), key.key, algorithms) if key else None
