"""Tokens that are none, before every operation that asks for one: refused, and nothing is done.

What makes a single token good or bad is in tests/auth. Here each kind of forgery goes everywhere.
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.app import OPERATIONS
from service.auth.scopes import TokenUse
from service.operation import Operation
from tests.auth.test_issuers import pem_forms
from tests.auth.test_nats_jwt import ACCOUNT, OPERATOR, OTHER, USER
from tests.auth.test_nats_jwt import claims_of as nats_claims_of
from tests.auth.test_nats_jwt import signed as nats_signed
from tests.auth.test_tokens import claims_of, encoded, mac, raw_token, signed
from tests.bus.raw import RawClient, block
from tests.client import BY_TITLE, Partner
from tests.clients import Client
from tests.deployment import Deploy
from tests.hostile.bodies import whole_body
from tests.hostile.test_operators import ask

REFUSED = (401, "UNAUTHENTICATED", None)
EXPIRED = (401, "TOKEN_EXPIRED", None)
ELSEWHERE = (403, "WRONG_PARTNER", None)
NOBODY = "018f0000-0000-7000-8000-000000000000"
AHEAD = 5
"""Seconds that a token's clock may be ahead."""

Forge = Callable[[Partner], str]


@pytest.fixture(scope="module")
def deployment_settings() -> dict[str, Any]:
    """Besides the own issuer one trusted NATS account."""
    return {"nats_accounts": ACCOUNT.name, "exists_rate": 0}


def hmac(secret: Callable[[Partner], bytes], algorithm: str = "HS256") -> Forge:
    """A token signed by HMAC, with what everybody can know as the secret."""

    def forge(partner: Partner) -> str:
        current = partner.deployment.signing_keys.current
        head = encoded(json.dumps({"alg": algorithm, "typ": "JWT", "kid": current}).encode())
        text = f"{head}.{encoded(json.dumps(claims_of(partner)).encode())}"
        return f"{text}.{mac(algorithm, text, secret(partner))}"

    return forge


def public_key(partner: Partner) -> Any:
    ring = partner.deployment.signing_keys
    return ring.keys[ring.current].public_key()


def jwks(partner: Partner) -> bytes:
    return json.dumps(partner.deployment.signing_keys.jwks()).encode()


def unsigned(algorithm: object) -> Forge:
    """A token without a signature, whose header says so."""

    def forge(partner: Partner) -> str:
        head = encoded(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
        return f"{head}.{encoded(json.dumps(claims_of(partner)).encode())}."

    return forge


def claiming(**claims: Any) -> Forge:
    """A token that is rightly signed, with other claims; a callable claim is of the time."""

    def forge(partner: Partner) -> str:
        now = time.time()
        return signed(partner, {k: v(now) if callable(v) else v for k, v in claims.items()})

    return forge


def headed(**header: Any) -> Forge:
    """A token signed by a stranger whose key is in the header, in one form or another."""

    def forge(partner: Partner) -> str:
        stranger = Ed25519PrivateKey.generate()
        raw = stranger.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        own = {"kty": "OKP", "crv": "Ed25519", "x": encoded(raw)}
        filled = {name: own if value == "own" else value for name, value in header.items()}
        return raw_token(filled, claims_of(partner), stranger)

    return forge


def cut(change: Callable[[str, str, str], str]) -> Forge:
    """A good token with something done to its three parts."""
    return lambda partner: change(*partner.all_rights.split("."))


def of_nats(key: Any = ACCOUNT, header: dict[str, Any] | None = None, **claims: Any) -> Forge:
    """A NATS JWT with these claims instead."""

    def forge(partner: Partner) -> str:
        tags = [f"partner:{partner.name}", "scope:read:user"]
        whole = nats_claims_of(partner, tags=tags) | claims
        return nats_signed(whole, key, **(header or {}))

    return forge


def doubled(partner: Partner) -> str:
    """Rightly signed claims that name the partner twice; by RFC 7519, section 4, the last holds."""
    ring = partner.deployment.signing_keys
    claims = json.dumps(claims_of(partner))[:-1] + ',"partner":"another"}'
    text = ".".join(encoded(part.encode()) for part in ('{"alg":"EdDSA"}', claims))
    return f"{text}.{encoded(ring.keys[ring.current].sign(text.encode()))}"


def loose_base64(head: str, claims: str, signature: str) -> str:
    """The same bytes to a decoder that leaves out what it does not know."""
    return f"{head}.{claims}.!{signature}"


ALGORITHMS: tuple[object, ...] = ("none", "NONE", "nOnE", "", None, 0, [])
UNSIGNED = {f"alg {name!r}": unsigned(name) for name in ALGORITHMS}
CONFUSED = {
    "HS256 with the raw public key": hmac(
        lambda p: public_key(p).public_bytes(Encoding.Raw, PublicFormat.Raw)
    ),
    "HS256 with the PEM": hmac(lambda p: pem_forms(public_key(p))[0]),
    "HS512 with the DER": hmac(lambda p: pem_forms(public_key(p))[2], "HS512"),
    "HS256 with the JWKS": hmac(jwks),
    "HS384 with nothing": hmac(lambda _: b"", "HS384"),
}
FOREIGN_KEYS: dict[str, Forge] = {
    "a stranger's key": headed(),
    "an embedded key": headed(jwk="own"),
    "a key to fetch": headed(jku="https://evil.test/jwks.json"),
    "a certificate to fetch": headed(x5u="https://evil.test/x.pem", x5t="x"),
    "a certificate": headed(x5c=["MIIB"]),
    "a name with a path": headed(kid="../../../../dev/null"),
    "a name with SQL": headed(kid="' UNION SELECT 'x"),
    "a critical extension": lambda p: signed(p, crit=["x"], x=1),
    "not encoded": lambda p: signed(p, b64=False, crit=["b64"]),
}
PARTS = {
    "detached": cut(lambda head, _, signature: f"{head}..{signature}"),
    "no signature": cut(lambda head, claims, _: f"{head}.{claims}."),
    "two parts": cut(lambda head, claims, _: f"{head}.{claims}"),
    "four parts": cut(lambda *parts: ".".join((*parts, parts[-1]))),
    "five parts, as a JWE has": cut(lambda *parts: ".".join((*parts, "a", "b"))),
    "padded": cut(lambda h, c, s: f"{h}==.{c}==.{s}=="),
    "not base64": cut(lambda h, c, s: f"{h}.{c}.{s[:-4]}%%%%"),
    "loose base64": cut(loose_base64),
    "in quotes": cut(lambda *parts: f'"{".".join(parts)}"'),
    "with NUL": cut(lambda *parts: ".".join(parts) + "\0"),
    "JSON": cut(lambda h, c, s: json.dumps({"protected": h, "payload": c, "signature": s})),
    "the other's claims": lambda p: ".".join(
        Partner(p.deployment).all_rights.split(".")[:2] + p.all_rights.split(".")[2:]
    ),
}
CLAIMED = {
    "another issuer": claiming(iss="https://login.example.com"),
    "another audience": claiming(aud="svc-billing"),
    "issued in the future": claiming(iat=lambda now: now + AHEAD + 5),
    "not before the future": claiming(nbf=lambda now: now + AHEAD + 5),
    "an expiry beyond numbers": claiming(exp=float("inf")),
    "an operator for a subject": claiming(sub={"$ne": None}),
    "an operator for a partner": claiming(partner={"$gt": ""}),
    "a subject of two lines": claiming(sub="a\r\nb"),
    "a subject that hides": claiming(sub="a\u202eb"),
    "a subject of the terminal": claiming(sub="\x1b[31m"),
    "a session for an access token": claiming(use="refresh"),
    "too many claims": claiming(padding="x" * 200_000),
}
OF_NATS = {
    "NATS: another account": of_nats(OTHER, iss=OTHER.name),
    "NATS: another account's key": of_nats(OTHER),
    "NATS: an operator's": of_nats(OPERATOR, iss=OPERATOR.name),
    "NATS: the user's own": of_nats(USER, iss=USER.name),
    "NATS: an account as the subject": of_nats(sub=ACCOUNT.name),
    "NATS: no nkey as the subject": of_nats(sub="User\r\nX: 1"),
    "NATS: a nkey with a wrong sum": of_nats(sub=USER.name[:-1] + "A" * (USER.name[-1] != "A")),
    "NATS: from the future": of_nats(iat=int(time.time()) + 3_600),
    "NATS: an activation": of_nats(nats={"type": "activation", "tags": []}),
    "NATS: our own issuer": of_nats(iss="svc-user"),
    "NATS: with EdDSA": of_nats(header={"alg": "EdDSA"}),
    "NATS: loose base64": lambda p: of_nats()(p)[:-1] + "!" + of_nats()(p)[-1],
}
NONE: dict[str, Forge] = {
    **UNSIGNED,
    **CONFUSED,
    **FOREIGN_KEYS,
    **PARTS,
    **CLAIMED,
    **OF_NATS,
    "an nkey": lambda _: USER.name,
    "a number": lambda _: "0",
    "words": lambda _: "let me in",
}
OTHERWISE: dict[str, tuple[Forge, tuple[int, str, None]]] = {
    "expired by a second": (claiming(exp=lambda now: now - 1), EXPIRED),
    "NATS: expired by a second": (of_nats(exp=int(time.time()) - 1), EXPIRED),
    "another partner's": (lambda p: Partner(p.deployment).all_rights, ELSEWHERE),
    "every partner's": (claiming(partner=["*", ">", ""]), ELSEWHERE),
    "the partner, then another": (doubled, ELSEWHERE),
    "NATS: another partner's": (of_nats(nats={"type": "user", "tags": ["partner:x"]}), ELSEWHERE),
}
TABLE = {name: (forge, REFUSED) for name, forge in NONE.items()} | OTHERWISE
ASKING = [operation for operation in OPERATIONS if operation.scope != "public"]


@pytest.mark.parametrize("operation", ASKING, ids=lambda each: each.title)
async def test_every_operation(partner: Partner, operation: Operation) -> None:
    """Each of the tokens, before each of the operations, with a body that has everything."""
    body = whole_body(operation)
    answers = await asyncio.gather(
        *(partner.ask(operation.title, body, forge(partner)) for forge, _ in TABLE.values())
    )
    told = {name: answer.refusal for name, answer in zip(TABLE, answers, strict=True)}
    assert told == {name: refusal for name, (_, refusal) in TABLE.items()}


async def test_same_forms_are_good(partner: Partner) -> None:
    """What the forgeries are made of is accepted where nothing is wrong with it."""
    for good in (claiming(), of_nats(), claiming(iat=lambda now: now + AHEAD - 3)):
        assert (await partner.ask("user.list", {}, good(partner))).status == 200


async def test_secrets_are_no_tokens(partner: Partner) -> None:
    """A refresh token, a registration code and a client's secret open nothing by themselves."""
    client = await Client.of(partner)
    user = await client.signed_up()
    tokens = (await client.exchange(user)).done
    for secret in (tokens["refresh_token"], user.code, client.secret, client.id, user.id):
        for title in ("user.me", "user.list", "membership.create"):
            reply = await partner.ask(title, {}, secret)
            assert reply.refusal == REFUSED
    for access in (tokens["access_token"], tokens["access_token"][:256]):
        assert (await client.refresh(access)).refusal[:2] in {
            (400, "TOO_LONG"),
            (401, "INVALID_GRANT"),
        }
    wrong = await client.issue(
        "registration_code", email=user.email, registration_code=tokens["refresh_token"]
    )
    assert wrong.refusal == (401, "INVALID_GRANT", None)


@pytest.mark.parametrize("title", ["token.issue", "token.revoke", "token.jwks"])
async def test_public_operations_ask_for_none(partner: Partner, title: str) -> None:
    """Where no token is asked for, a bad one changes nothing."""
    plain = await ask(partner, BY_TITLE[title], b"[]")
    for forge in (*UNSIGNED.values(), *FOREIGN_KEYS.values()):
        assert (await partner.ask(title, b"[]", forge(partner))).refusal == plain.refusal


async def test_a_megabyte_of_claims(deploy: Deploy) -> None:
    """Where NATS lets it through, it is refused unread, rightly signed or not, and soon."""
    deployment = await deploy(nats_config="max_payload: 8MB", nats_accounts=ACCOUNT.name)
    partner = Partner(deployment)
    megabyte = {"padding": "x" * 1_000_000}
    deep = {
        "padding": json.loads("[" * 900 + "]" * 900),
        "wide": {str(n): n for n in range(90_000)},
    }
    raw = await RawClient.connect(deployment.nats_url)
    before = time.process_time()
    for token in (
        signed(partner, megabyte),
        signed(partner, deep),
        of_nats(padding=megabyte)(partner),
        raw_token({"padding": "x" * 1_000_000}, claims_of(partner), Ed25519PrivateKey.generate()),
        "." * 1_000_000,
        "A" * 1_000_000,
    ):
        for name in (b"token: ", b"Authorization: Bearer "):
            lines = block(name + token.encode())
            reply = await raw.request(BY_TITLE["user.list"], partner.name.encode(), b"{}", lines)
            assert reply.refusal == REFUSED
    assert time.process_time() - before < 6
    assert raw.complaints == []
    await raw.close()


@pytest.mark.parametrize("use", [TokenUse.USER, TokenUse.PERSONAL])
async def test_a_users_word_for_itself(partner: Partner, use: TokenUse) -> None:
    """A user's token opens no operation of clients by naming one of them, or their scopes."""
    claims = {"use": use.value, "sub": NOBODY, "client_id": NOBODY, "scope": "admin:domain *"}
    reply = await partner.ask("administrator.create", {}, signed(partner, claims))
    assert reply.refusal == (403, "WRONG_TOKEN_KIND", None)
