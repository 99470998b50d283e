"""Sealing: what must not lie in the open is encrypted before it reaches the driver.

AES-256-GCM (NIST SP 800-38D), bound to the document and the field it stands in, so that a
ciphertext moved to another record does not open. A sealed value names its key, so keys can change.
"""

import base64
import hmac
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NAME = re.compile("[0-9a-f]{8}")
_NAME_BYTES = 4
_NONCE = 12
_NONCES_DRAWN = 1_000
_KEY_BYTES = 32
VISIBLE = 4


class SealBroken(Exception):
    """A sealed value does not open: it was moved, altered, or its key is not in the ring."""


@dataclass(frozen=True, slots=True)
class DataKeys:
    """The ring of data keys: one that seals, all that open, and one for keyed hashes."""

    current: str
    keys: Mapping[str, bytes]
    hash_key: bytes
    rotating: bool = False
    """Whether there may still be values under another key than the current one."""

    @classmethod
    def generate(cls) -> Self:
        """A ring with one new key."""
        name = os.urandom(_NAME_BYTES).hex()
        return cls(name, {name: os.urandom(_KEY_BYTES)}, os.urandom(_KEY_BYTES))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a ring from its file.

        Raises: OSError; ValueError, saying what is wrong with the file.
        """
        try:
            ring = json.loads(path.read_text())
            keys = {name: base64.b64decode(key) for name, key in ring["keys"].items()}
            rotating = bool(ring.get("rotating", False))
            loaded = cls(ring["current"], keys, base64.b64decode(ring["hash"]), rotating)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{path} is not a ring of data keys") from error
        if any(len(key) != _KEY_BYTES for key in (*keys.values(), loaded.hash_key)):
            raise ValueError(f"{path}: every key has 32 bytes")
        if loaded.current not in keys or not all(_NAME.fullmatch(name) for name in keys):
            raise ValueError(f"{path}: a key's name is 8 hex digits, and the current one is there")
        return loaded

    def with_new_key(self) -> Self:
        """The ring with one more key, which seals from now on."""
        new = self.generate()
        keys = {**self.keys, new.current: new.keys[new.current]}
        return replace(self, current=new.current, keys=keys, rotating=True)

    def rotated(self) -> Self:
        """The ring when nothing is sealed with its older keys any more; backups need them still."""
        return replace(self, rotating=False)

    def dump(self) -> str:
        """The text of the ring's file."""
        keys = {name: base64.b64encode(key).decode() for name, key in self.keys.items()}
        ring = {
            "current": self.current,
            "keys": keys,
            "hash": base64.b64encode(self.hash_key).decode(),
            "rotating": self.rotating,
        }
        return json.dumps(ring, indent=2)


class Sealer:
    """Seals and opens values, and hashes under a key."""

    def __init__(self, ring: DataKeys, look_for_keys: Callable[[], None] | None = None) -> None:
        """`look_for_keys` is called when a value names a key that is not known: it may be new."""
        self._look_for_keys = look_for_keys
        self._nonces: list[bytes] = []
        self.use(ring)

    def use(self, ring: DataKeys) -> None:
        """Seal with the ring's current key from now on, and open with all of its keys."""
        self._current = bytes.fromhex(ring.current)
        self._ciphers = {bytes.fromhex(name): AESGCM(key) for name, key in ring.keys.items()}
        self._hash_key = ring.hash_key

    def seal(self, value: bytes, place: str) -> bytes:
        """Encrypt the value for one place, such as `users/<id>/id_number`."""
        nonce = self._nonce()
        sealed = self._ciphers[self._current].encrypt(nonce, value, place.encode())
        return self._current + nonce + sealed

    def _nonce(self) -> bytes:
        """Twelve random bytes, drawn from the system a thousand at a time.

        Each draw is a system call that lets go of the interpreter's lock.
        """
        if not self._nonces:
            drawn = os.urandom(_NONCE * _NONCES_DRAWN)
            self._nonces = [drawn[at : at + _NONCE] for at in range(0, len(drawn), _NONCE)]
        return self._nonces.pop()

    def open(self, sealed: bytes, place: str) -> bytes:
        """Decrypt a value that was sealed for this place.

        Raises: SealBroken.
        """
        name, rest = sealed[:_NAME_BYTES], sealed[_NAME_BYTES:]
        if name not in self._ciphers and self._look_for_keys is not None:
            self._look_for_keys()
        try:
            return self._ciphers[name].decrypt(rest[:_NONCE], rest[_NONCE:], place.encode())
        except (KeyError, InvalidTag, ValueError):
            raise SealBroken(place.partition("/")[0]) from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the value is sealed with the key that seals now."""
        return sealed[: len(self._current)] == self._current

    def keyed_hash(self, value: bytes) -> bytes:
        """HMAC-SHA-256 of the value: equal for equal values, and nothing without the key."""
        return hmac.digest(self._hash_key, value, sha256)


def place(collection: str, id: str, field: str) -> str:
    """Where a sealed value stands, which is what it is bound to."""
    return f"{collection}/{id}/{field}"


def masked(number: str) -> str:
    """`9001015800084` as `xxxxxxxxx0084`; one too short to hide behind its end, wholly."""
    if len(number) <= VISIBLE:
        return "x" * len(number)
    return "x" * (len(number) - VISIBLE) + number[-VISIBLE:]


def masked_email(email: str) -> str:
    """`existing.user@domain.com` as `e***@domain.com`."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}***@{domain}"
