"""svc-user's own issuer: Ed25519 keys (RFC 8037), a ring of them, and the tokens they sign."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from service.auth.scopes import TokenUse
from service.ids import random_id

ISSUER = "svc-user"
AUDIENCE = "svc-user"
DEFAULT_TTL = 43_200
"""Seconds that a token is good for, as the seeds' tokens are: twelve hours."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The ring of signing keys: one that signs, and all whose tokens are still good."""

    current: str
    keys: Mapping[str, Ed25519PrivateKey]

    @classmethod
    def generate(cls) -> Self:
        """A ring with one new key."""
        name = os.urandom(8).hex()
        return cls(name, {name: Ed25519PrivateKey.generate()})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a ring from its file.

        Raises: OSError; ValueError, saying which file is wrong.
        """
        try:
            ring = json.loads(path.read_text())
            keys = {jwk["kid"]: OKPAlgorithm.from_jwk(jwk) for jwk in ring["keys"]}
            private = {k: v for k, v in keys.items() if isinstance(v, Ed25519PrivateKey)}
            loaded = cls(ring["current"], private)
        except (KeyError, TypeError, ValueError, jwt.InvalidKeyError) as error:
            raise ValueError(f"{path} is not a ring of signing keys") from error
        if loaded.current not in private or len(private) != len(keys):
            raise ValueError(f"{path}: every signing key is private, and the current one is there")
        return loaded

    def rotated(self) -> Self:
        """The ring with a new key that signs from now on, and all others to verify with."""
        new = self.generate()
        return replace(self, current=new.current, keys={**self.keys, **new.keys})

    def dump(self) -> str:
        """The text of the ring's file: a private JWKS, and which key signs."""
        keys = [_jwk(key, name) for name, key in self.keys.items()]
        return json.dumps({"current": self.current, "keys": keys}, indent=2)

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public keys (RFC 7517), for whoever verifies these tokens."""
        return {"keys": [_jwk(key.public_key(), name) for name, key in self.keys.items()]}


@dataclass(frozen=True, slots=True)
class Ties:
    """What a token ends with: its session, unless it is the one that is good, and its client."""

    session: str
    client: str
    token_id: str


class Issuer:
    """Signs tokens with the ring's current key."""

    def __init__(self, ring: SigningKeys) -> None:
        self.ring = ring

    def issue(
        self,
        *,
        partners: Iterable[str],
        subject: str,
        use: TokenUse,
        scopes: Iterable[str],
        now: float,
        ttl: float = DEFAULT_TTL,
        domain: str | None = None,
        ties: Ties | None = None,
    ) -> str:
        """A token for the subject, good from `now` (seconds since 1970) for `ttl` seconds."""
        names = sorted(partners)
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            # In fractions, to tell a token made just before a revocation from one just after.
            "iat": round(now, 3),
            "exp": round(now + ttl, 3),
            "jti": ties.token_id if ties is not None else random_id(),
            "partner": names[0] if len(names) == 1 else names,
            "scope": " ".join(sorted(scopes)),
            "use": use.value,
        }
        if domain is not None:
            claims["domain"] = domain
        if ties is not None:
            claims |= {"sid": ties.session, "client_id": ties.client}
        key = self.ring.keys[self.ring.current]
        return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": self.ring.current})


def _jwk(key: Any, name: str) -> dict[str, Any]:
    return {
        **OKPAlgorithm.to_jwk(key, as_dict=True),
        "kid": name,
        "alg": "EdDSA",
        "use": "sig",
    }
