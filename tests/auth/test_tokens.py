"""Tokens of svc-user's own issuer: what makes one good, and each way to be none."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.auth.scopes import ALL_SCOPES
from tests.client import Partner
from tests.eventually import eventually

REFUSED = (401, "UNAUTHENTICATED", None)


def claims_of(partner: Partner) -> dict[str, Any]:
    """The claims of a good client token."""
    now = time.time()
    return {
        "iss": "svc-user",
        "aud": "svc-user",
        "sub": "tests",
        "iat": now,
        "exp": now + 60,
        "jti": str(uuid4()),
        "partner": partner.name,
        "scope": " ".join(ALL_SCOPES),
        "use": "client",
    }


def signed(partner: Partner, claims: dict[str, Any] | None = None, **header: Any) -> str:
    """A token with these claims, signed by the deployment's own key."""
    ring = partner.deployment.signing_keys
    whole = claims_of(partner) | (claims or {})
    return raw_token(header, whole, ring.keys[ring.current])


def raw_token(header: dict[str, Any], claims: Any, key: Ed25519PrivateKey) -> str:
    """A token as its parts are, with nothing checked on the way."""
    parts = [{"alg": "EdDSA", "typ": "JWT"} | header, claims]
    text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{text}.{encoded(key.sign(text.encode()))}"


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


async def status(partner: Partner, token: str) -> tuple[int, str, str | None] | int:
    """200, or the refusal."""
    reply = await partner.ask("user.list", {}, token)
    return 200 if reply.status == 200 else reply.refusal


GOOD: dict[str, Callable[[Partner], dict[str, Any]]] = {
    "as it is": lambda _: {},
    "one of several partners": lambda partner: {"partner": ["other", partner.name]},
    "one of several audiences": lambda _: {"aud": ["other", "svc-user"]},
    "whole seconds": lambda _: {"iat": int(time.time()), "exp": int(time.time()) + 60},
    "a clock that is a little ahead": lambda _: {"iat": time.time() + 2},
    "not before some time ago": lambda _: {"nbf": time.time() - 60},
    "unknown scopes besides": lambda _: {"scope": "fly:plane  read:user"},
    "unknown claims besides": lambda _: {"admin": True, "groups": [1]},
    "no domain": lambda _: {"domain": None},
    "good for very long": lambda _: {"exp": 10**12},
}


@pytest.mark.parametrize("name", GOOD)
async def test_good(partner: Partner, name: str) -> None:
    """What the contract allows is accepted."""
    assert await status(partner, signed(partner, GOOD[name](partner))) == 200


AN_ID = "0198c0de-7000-7000-8000-00000000abcd"
AN_ID_IN_HEX = AN_ID.replace("-", "")
WRONG_VALUES: dict[str, tuple[object, ...]] = {
    "iss": ("other", "SVC-USER", "", None, 1, ["svc-user"], {}),
    "aud": ("other", "svc", "", None, 1, [], ["other"], [1], {}),
    "sub": (None, 1, True, ["tests"], {}, "\ud800", "a\nb", ""),
    "jti": (None, 1, [], {}),
    "sid": (1, True, [], {"$gt": ""}, "", "\ud800", "x"),
    "client_id": (1, True, [], {"$gt": ""}, "", "\ud800", "x"),
    "exp": (None, "x", "9999999999", True, [], {}, float("nan"), float("inf"), -float("inf")),
    "iat": (None, "x", True, [], {}, float("nan"), -float("inf"), -1, -1e300, -(10**18)),
    "nbf": ("x", True, [], {}, float("nan")),
    "partner": (None, 1, True, {}, [1], [None], [[]]),
    "scope": (None, 1, True, ["read:user"], {}),
    "use": (None, "admin", "CLIENT", "", 1, True, ["client"], {}),
    "domain": ("acme", "", 0, 1, False, True, [], {}, [AN_ID], AN_ID_IN_HEX, f"{AN_ID}\n"),
}
WRONG_CLAIMS: list[dict[str, object]] = [
    {name: value} for name, values in WRONG_VALUES.items() for value in values
]
WRONG_CLAIMS += [
    {"use": use, "sub": subject}
    for use in ("user", "personal")
    for subject in ("tests", AN_ID_IN_HEX)
]


@pytest.mark.parametrize("claims", WRONG_CLAIMS, ids=repr)
async def test_wrong_claim(partner: Partner, claims: dict[str, Any]) -> None:
    """A claim of a wrong type or value makes a token that is rightly signed none."""
    assert await status(partner, signed(partner, claims)) == REFUSED


@pytest.mark.parametrize(
    "name", ["iss", "aud", "sub", "exp", "iat", "jti", "partner", "scope", "use"]
)
async def test_missing_claim(partner: Partner, name: str) -> None:
    """Each of the claims is required."""
    ring = partner.deployment.signing_keys
    claims = claims_of(partner)
    del claims[name]
    assert await status(partner, raw_token({}, claims, ring.keys[ring.current])) == REFUSED


@pytest.mark.parametrize("claims", [None, [], "claims", 1, [["iss", "svc-user"]]], ids=repr)
async def test_claims_are_an_object(partner: Partner, claims: Any) -> None:
    """Claims that are something else are none."""
    ring = partner.deployment.signing_keys
    assert await status(partner, raw_token({}, claims, ring.keys[ring.current])) == REFUSED


NO_ALGORITHMS = ("none", "None", "", "HS256", "ES256", "RS256", "eddsa", "ed25519-nkey", "ed25519")
NO_NAMES: tuple[object, ...] = (None, 1, ["EdDSA"], {})
WRONG_HEADERS: list[dict[str, object]] = [
    *[{"alg": name} for name in (*NO_ALGORITHMS, *NO_NAMES)],
    *[{"kid": name} for name in ("other", "", "../../etc/passwd", *NO_NAMES)],
    {"crit": ["exp"]},
    {"crit": ["b64"], "b64": False},
    {"b64": False},
]


@pytest.mark.parametrize("header", WRONG_HEADERS, ids=repr)
async def test_wrong_header(partner: Partner, header: dict[str, Any]) -> None:
    """A header that says another algorithm, another key, or something we do not know, is none."""
    assert await status(partner, signed(partner, **header)) == REFUSED


async def test_times(partner: Partner) -> None:
    """Expired by a second, or issued in a minute, a token is refused; each in its own words."""
    now = time.time()
    for expired in (now - 1, 0, -(10**30)):
        answer = await status(partner, signed(partner, {"exp": expired}))
        assert answer == (401, "TOKEN_EXPIRED", None)
    assert await status(partner, signed(partner, {"iat": now + 60})) == REFUSED
    assert await status(partner, signed(partner, {"nbf": now + 60})) == REFUSED


async def test_expires_while_remembered(partner: Partner) -> None:
    """A token that was good a moment ago is refused from the second that it expires."""
    token = signed(partner, {"exp": time.time() + 1})
    assert await status(partner, token) == 200

    async def expired() -> bool:
        answer = await status(partner, token)
        assert answer in {200, (401, "TOKEN_EXPIRED", None)}
        return answer != 200

    await eventually(expired, within=5)
    assert await status(partner, token) == (401, "TOKEN_EXPIRED", None)


@pytest.mark.parametrize("partners", [[], "other", ["other", "third"], "", "*"])
async def test_other_partner(partner: Partner, partners: Any) -> None:
    """A token for other partners is refused, whatever it may do there."""
    answer = await status(partner, signed(partner, {"partner": partners}))
    assert answer == (403, "WRONG_PARTNER", None)


async def test_case_of_partner(partner: Partner) -> None:
    """A partner's name has a case."""
    answer = await status(partner, signed(partner, {"partner": partner.name.upper()}))
    assert answer == (403, "WRONG_PARTNER", None)


async def test_other_key(partner: Partner) -> None:
    """A token that is right in all but the key is refused, also under the right key's name."""
    stranger = Ed25519PrivateKey.generate()
    current = partner.deployment.signing_keys.current
    for header in ({}, {"kid": current}, {"jwk": {"kty": "OKP"}}, {"jku": "https://evil.test/"}):
        assert await status(partner, raw_token(header, claims_of(partner), stranger)) == REFUSED


async def test_altered(partner: Partner) -> None:
    """A token of which any part is another is refused."""
    head, claims, signature = partner.all_rights.split(".")
    other = partner.token(subject="other").split(".")
    for parts in (
        (head, other[1], signature),
        (head, claims, other[2]),
        (head, claims, ""),
        (head, claims, signature[:-4] + "AAAA"),
        (head, "", signature),
        ("", claims, signature),
        (head, claims),
        (head, claims, signature, ""),
        (head, claims, signature, signature),
    ):
        assert await status(partner, ".".join(parts)) == REFUSED


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "none"])
async def test_public_key_is_no_secret(partner: Partner, algorithm: str) -> None:
    """A token signed by HMAC with the public key, which everybody has, is refused."""
    ring = partner.deployment.signing_keys
    public = ring.keys[ring.current].public_key()
    [key] = ring.jwks()["keys"]
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    secrets = [raw, key["x"].encode(), json.dumps(key).encode(), b""]
    for secret in secrets:
        for kid in ({}, {"kid": ring.current}):
            header = encoded(json.dumps({"alg": algorithm, "typ": "JWT"} | kid).encode())
            text = f"{header}.{encoded(json.dumps(claims_of(partner)).encode())}"
            hmac = "" if algorithm == "none" else mac(algorithm, text, secret)
            assert await status(partner, f"{text}.{hmac}") == REFUSED


def mac(algorithm: str, text: str, secret: bytes) -> str:
    """The HMAC of the text, in the form that a token has it."""
    return encoded(jwt.get_algorithm_by_name(algorithm).sign(text.encode(), secret or b"\0"))


@pytest.mark.parametrize("length", [8_193, 20_000, 60_000])
async def test_oversized(partner: Partner, length: int) -> None:
    """A token longer than any honest one is refused, though rightly signed."""
    assert await status(partner, signed(partner, {"x": "x" * length})) == REFUSED


@pytest.mark.parametrize(
    "claims", ['{"exp":' * 1_200, "[" * 6_000, '{"exp":' + "9" * 5_000 + "}", "\xff", "{", ""]
)
async def test_broken_claims(partner: Partner, claims: str) -> None:
    """Claims that are hardly JSON are refused like any others."""
    ring = partner.deployment.signing_keys
    header = encoded(json.dumps({"alg": "EdDSA"}).encode())
    text = f"{header}.{encoded(claims.encode('latin-1'))}"
    signature = encoded(ring.keys[ring.current].sign(text.encode()))
    assert await status(partner, f"{text}.{signature}") == REFUSED
