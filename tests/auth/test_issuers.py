"""Tokens of external issuers, whose keys come as a JWKS."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from service.app import Worker
from service.settings import WrongSetting, read_settings
from tests.auth.test_tokens import mac
from tests.client import Partner

REFUSED = (401, "UNAUTHENTICATED", None)
INLINE, FILE = "https://login.example.com", "https://id.example.org"

ED, EC, RSA = (
    Ed25519PrivateKey.generate(),
    ec.generate_private_key(ec.SECP256R1()),
    rsa.generate_private_key(65537, 2048),
)
P384 = ec.generate_private_key(ec.SECP384R1())


def jwk(key: Any, name: str, **more: str) -> dict[str, Any]:
    algorithm: Any = OKPAlgorithm
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = RSAAlgorithm
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = ECAlgorithm
    public: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    return public | {"kid": name} | more


KEYS: dict[str, Any] = {"ed": ED, "ec": EC, "rsa": RSA, "p384": P384}
JWKS = {"keys": [jwk(key, name) for name, key in KEYS.items()]}
ONLY_PS = {"keys": [jwk(RSA, "rsa", alg="PS256", use="sig"), jwk(EC, "ec", use="enc")]}


@pytest.fixture(scope="module")
def deployment_settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two issuers: one inline with its own audience, one in a file."""
    path = tmp_path_factory.mktemp("jwks") / "jwks.json"
    path.write_text(json.dumps(ONLY_PS))
    inline = {"issuer": INLINE, "audience": "users-api", "jwks": JWKS}
    return {"issuers": [inline, {"issuer": FILE, "jwks_file": path}]}


@dataclass
class Token:
    """A token of an external issuer."""

    partner: Partner

    def claims(self, **changes: Any) -> dict[str, Any]:
        return {
            "iss": INLINE,
            "aud": "users-api",
            "sub": "client-7",
            "iat": int(time.time()),
            "exp": int(time.time()) + 60,
            "jti": str(uuid4()),
            "partner": self.partner.name,
            "scope": "read:user",
            "use": "client",
        } | changes

    async def answer(self, token: str) -> Any:
        reply = await self.partner.ask("user.list", {}, token)
        return 200 if reply.status == 200 else reply.refusal

    async def signed(self, key: Any, algorithm: str, kid: str | None = None, **claims: Any) -> Any:
        headers = {"kid": kid} if kid is not None else None
        token = jwt.encode(self.claims(**claims), key, algorithm, headers)
        return await self.answer(token)


@pytest.fixture
def token(partner: Partner) -> Token:
    return Token(partner)


@pytest.mark.parametrize(
    ("name", "algorithm"), [("ed", "EdDSA"), ("ec", "ES256"), ("rsa", "RS256"), ("rsa", "PS256")]
)
async def test_good(token: Token, name: str, algorithm: str) -> None:
    """Each of the four algorithms, with the key's name or without it."""
    assert await token.signed(KEYS[name], algorithm, name) == 200
    assert await token.signed(KEYS[name], algorithm) == 200


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        *(("rsa", algorithm) for algorithm in ("RS384", "RS512", "PS384", "PS512")),
        ("p384", "ES384"),
    ],
)
async def test_other_algorithms(token: Token, name: str, algorithm: str) -> None:
    """Any other is refused, though the key is in the set."""
    assert await token.signed(KEYS[name], algorithm, name) == REFUSED
    assert await token.signed(KEYS[name], algorithm) == REFUSED


async def test_restricted_keys(token: Token) -> None:
    """A key is good for what its set says: one algorithm, and signing."""
    of = {"iss": FILE, "aud": "svc-user"}
    assert await token.signed(RSA, "PS256", **of) == 200
    assert await token.signed(RSA, "RS256", **of) == REFUSED
    assert await token.signed(EC, "ES256", **of) == REFUSED
    assert await token.signed(ED, "EdDSA", **of) == REFUSED


async def test_each_issuer_for_itself(token: Token) -> None:
    """The key of one issuer makes no token of another, nor one of svc-user's own."""
    own = token.partner.deployment.signing_keys
    for claims in (
        {"iss": FILE, "aud": "svc-user"},
        {"iss": "svc-user", "aud": "svc-user"},
        {"iss": INLINE + "/"},
        {"iss": "https://evil.test"},
    ):
        assert await token.signed(ED, "EdDSA", **claims) == REFUSED
    assert await token.signed(own.keys[own.current], "EdDSA") == REFUSED


@pytest.mark.parametrize("audience", ["svc-user", "users", ["svc-user"], "USERS-API"])
async def test_audience(token: Token, audience: Any) -> None:
    """The audience is the one that the settings give for the issuer."""
    assert await token.signed(ED, "EdDSA", aud=audience) == REFUSED


async def test_key_name(token: Token) -> None:
    """The name of another key, of the same kind or not, finds none."""
    for name in ("ec", "rsa", "nobody"):
        assert await token.signed(ED, "EdDSA", name) == REFUSED


async def test_algorithm_confusion(token: Token) -> None:
    """The public key, which everybody can have, is no HMAC secret in any of its forms."""
    for key in (ED, EC, RSA):
        public = key.public_key()
        forms = pem_forms(public)
        for secret in forms:
            head = jwt.utils.base64url_encode(b'{"alg":"HS256","typ":"JWT"}').decode()
            body = jwt.utils.base64url_encode(json.dumps(token.claims()).encode()).decode()
            forged = f"{head}.{body}.{mac('HS256', f'{head}.{body}', secret)}"
            assert await token.answer(forged) == REFUSED


def pem_forms(public: Any) -> list[bytes]:
    """The forms in which a public key goes round."""
    info = PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(Encoding.PEM, info)
    return [pem, pem.strip(), public.public_bytes(Encoding.DER, info)]


async def test_empty_signature(token: Token) -> None:
    """An ECDSA signature of zeros proves nothing."""
    signed = jwt.encode(token.claims(), EC, "ES256")
    head, body, _ = signed.split(".")
    for zeros in (b"\0" * 64, b"\0" * 63 + b"\1", b"", b"\0"):
        forged = f"{head}.{body}.{jwt.utils.base64url_encode(zeros).decode()}"
        assert await token.answer(forged) == REFUSED


async def test_user_token(token: Token) -> None:
    """An external issuer may speak for users, who are held to their own data all the same."""
    partner = token.partner
    user_id, neighbour = await partner.user(), await partner.user()
    claims = token.claims(use="user", sub=user_id, scope="read:user write:business")
    own = jwt.encode(claims, ED, "EdDSA")
    assert (await partner.ask("user.me", {}, own)).done["id"] == user_id
    other = await partner.ask("user.get", {"user_id": neighbour}, own)
    assert other.refusal == (404, "USER_NOT_FOUND", "user_id")


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": []},
        {"keys": {}},
        {"keys": [{}]},
        {"keys": [jwk(P384, "p384")]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]},
        {"keys": [OKPAlgorithm.to_jwk(ED, as_dict=True)]},
        [],
    ],
    ids=range(9),
)
def test_useless_jwks_stops_the_start(token: Token, tmp_path: Path, jwks: Any) -> None:
    """A set without a key that could be used stops the start, and the setting is named."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks))
    keys_dir = token.partner.deployment.keys_dir
    settings = read_settings(keys_dir=keys_dir, issuers=[{"issuer": INLINE, "jwks_file": path}])
    with pytest.raises(WrongSetting, match="SVC_USER_ISSUERS"):
        Worker(settings)
