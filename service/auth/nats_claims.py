"""NATS's own JWTs: who may connect, and what an account gives to others and takes from them.

An operator signs accounts, an account signs its users (nats.io, "JWT in depth"). What
`service.auth.nats_jwt` verifies is made here.
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

import nkeys  # type: ignore[import-untyped]

from service.auth.nats_jwt import ALGORITHM

Role = Literal["operator", "account", "user"]
Claims = dict[str, Any]

_PREFIXES: Mapping[str, int] = {
    "operator": nkeys.PREFIX_BYTE_OPERATOR,
    "account": nkeys.PREFIX_BYTE_ACCOUNT,
    "user": nkeys.PREFIX_BYTE_USER,
}
_VERSION = 2
_NO_LIMIT = -1
_JWT, _SEED = "NATS USER JWT", "USER NKEY SEED"
"""The titles of the two parts of a `.creds` file."""


class NatsKey:
    """A key pair of NATS (an nkey); whoever has the seed is who it names."""

    def __init__(self, seed: str) -> None:
        """Take a seed, `S…`.

        Raises: ValueError.
        """
        try:
            self._pair = nkeys.from_seed(bytearray(seed.encode()))
            self.name: str = self._pair.public_key.decode()
        except nkeys.NkeysError as error:
            raise ValueError("not the seed of an nkey") from error
        self.seed = seed

    @classmethod
    def generate(cls, role: Role) -> Self:
        """A new one."""
        seed: bytes = nkeys.encode_seed(os.urandom(32), _PREFIXES[role])
        return cls(seed.decode())

    def sign(self, claims: Claims, now: int) -> str:
        """The claims as a JWT of this key."""
        issued = claims | {"iss": self.name, "iat": now}
        text = json.dumps(issued, sort_keys=True).encode()
        issued["jti"] = base64.b32encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
        header = {"typ": "JWT", "alg": ALGORITHM}
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, issued))
        return f"{signed}.{_encoded(self._pair.sign(signed.encode()))}"


def operator(key: NatsKey, system_account: str) -> Claims:
    """An operator, whose servers report in the system account."""
    return _claims(key.name, "svc-user", "operator", system_account=system_account)


def account(
    key: NatsKey,
    name: str,
    *,
    exports: Iterable[Claims] = (),
    imports: Iterable[Claims] = (),
    jetstream: bool = False,
    **more: Any,
) -> Claims:
    """An account: a world of subjects of its own, but for its exports and imports."""
    limits: Claims = dict.fromkeys(
        ("subs", "data", "payload", "imports", "exports", "conn", "leaf"), _NO_LIMIT
    )
    limits["wildcards"] = True
    if jetstream:
        limits |= dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), _NO_LIMIT)
    return _claims(
        key.name,
        name,
        "account",
        limits=limits,
        exports=list(exports),
        imports=list(imports),
        **more,
    )


def user(
    name: str, in_account: str, key: NatsKey, *, tags: Iterable[str], expires: int | None
) -> Claims:
    """A user without permissions of its own, so that those of its account hold."""
    unlimited = dict.fromkeys(("subs", "data", "payload"), _NO_LIMIT)
    more = {"issuer_account": in_account, "tags": list(tags)}
    claims = _claims(key.name, name, "user", **unlimited, **more)
    return claims if expires is None else claims | {"exp": expires}


def credentials(jwt: str, key: NatsKey) -> str:
    """The text of a `.creds` file, as every NATS client reads it."""
    parts = ((_JWT, jwt), (_SEED, key.seed))
    return "\n".join(
        f"-----BEGIN {title}-----\n{text}\n------END {title}------\n" for title, text in parts
    )


def check_credentials(text: str) -> None:
    """Make sure that the text is one of a `.creds` file.

    Raises: ValueError.
    """
    lines = text.splitlines()
    after = {
        title: lines[at + 1].strip()
        for at, line in enumerate(lines[:-1])
        for title in (_JWT, _SEED)
        if f"BEGIN {title}" in line
    }
    if len(after) < 2 or after[_JWT].count(".") != 2:
        raise ValueError(f"not a {_JWT} and a {_SEED}")
    NatsKey(after[_SEED])


def _claims(subject: str, name: str, type: Role, **nats: Any) -> Claims:
    return {"sub": subject, "name": name, "nats": {"type": type, "version": _VERSION} | nats}


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
