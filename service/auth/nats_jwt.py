"""NATS user JWTs: the credentials that a client connects with, presented as a token.

Signed with `ed25519-nkey` by an account's key, a user's public key as `sub`, and what it may do as
tags: `partner:<id>` and `scope:<scope>` (NATS's own library lower-cases them).
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ALGORITHM = "ed25519-nkey"
_ACCOUNT_PREFIX = 0  # the byte behind the letter A
_USER_PREFIX = 20 << 3  # and behind U
_KEY_LENGTH = 35  # prefix, 32 bytes of Ed25519 key, CRC-16


class NotTrusted(Exception):
    """Not a NATS user JWT signed by one of the trusted accounts."""


def account_key(text: str) -> Ed25519PublicKey:
    """The key behind an account's public nkey, `A…`.

    Raises: ValueError.
    """
    raw = _nkey(text)
    if raw[0] != _ACCOUNT_PREFIX:
        raise ValueError(f"{text!r} is not the public nkey of an account (A…)")
    return Ed25519PublicKey.from_public_bytes(raw[1:33])


def verified_claims(token: str, accounts: Mapping[str, Ed25519PublicKey]) -> dict[str, Any]:
    """The claims of a NATS user JWT, once its signature is checked.

    Raises: NotTrusted.
    """
    try:
        signed, _, signature = token.rpartition(".")
        claims: dict[str, Any] = orjson.loads(_decoded(signed.rpartition(".")[2]))
        key = accounts[claims["iss"]]
        key.verify(_decoded(signature), signed.encode())
        # The subject is written into events and logs: it must be nothing but a user's key.
        if claims["nats"]["type"] != "user" or _nkey(claims["sub"])[0] != _USER_PREFIX:
            raise NotTrusted
    except (KeyError, TypeError, AttributeError, ValueError, InvalidSignature):
        raise NotTrusted from None
    return claims


def tagged(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """The values of the tags `<name>:<value>`, in lower case as NATS keeps them.

    Raises: NotTrusted, when the tags are no list.
    """
    tags = claims["nats"].get("tags") or []
    if not isinstance(tags, list):
        raise NotTrusted
    pairs = (tag.lower().partition(":") for tag in tags if isinstance(tag, str))
    return frozenset(value for key, _, value in pairs if key == name)


def _decoded(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _nkey(text: str) -> bytes:
    """The bytes of a public nkey, its kind first.

    Raises: ValueError.
    """
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error as error:
        raise ValueError(f"{text!r} is not an nkey") from error
    if len(raw) != _KEY_LENGTH or _crc16(raw[:-2]) != raw[-2:]:
        raise ValueError(f"{text!r} is not an nkey")
    return raw


def _crc16(data: bytes) -> bytes:
    return binascii.crc_hqx(data, 0).to_bytes(2, "little")
