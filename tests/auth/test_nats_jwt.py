"""NATS user JWTs as tokens: signed by an account, rights as tags."""

import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nkeys  # type: ignore[import-untyped]
import pytest

from service.settings import WrongSetting, read_settings
from tests.client import Partner
from tests.deployment import Deploy

REFUSED = (401, "UNAUTHENTICATED", None)


class Key:
    """A key pair of NATS, made and used by NATS's own library."""

    def __init__(self, prefix: int) -> None:
        seed = nkeys.encode_seed(os.urandom(32), prefix)
        self._pair = nkeys.from_seed(bytearray(seed))
        self.name: str = self._pair.public_key.decode()

    def sign(self, text: bytes) -> bytes:
        signature: bytes = self._pair.sign(text)
        return signature


ACCOUNT, OTHER = Key(nkeys.PREFIX_BYTE_ACCOUNT), Key(nkeys.PREFIX_BYTE_ACCOUNT)
USER = Key(nkeys.PREFIX_BYTE_USER)
OPERATOR = Key(nkeys.PREFIX_BYTE_OPERATOR)


@pytest.fixture(scope="module")
def deployment_settings() -> dict[str, Any]:
    """One trusted account."""
    return {"nats_accounts": ACCOUNT.name}


def claims_of(partner: Partner, **nats: Any) -> dict[str, Any]:
    """The claims of a user's JWT as nsc makes them, with an expiry."""
    return {
        "jti": "6PQ7HMQW2ZZPJ2M4D3Z2YAJ2ZQXH7UHDVIDLZ5XCTRSYJWWLDNVQ",
        "iat": int(time.time()),
        "iss": ACCOUNT.name,
        "name": "vertex",
        "sub": USER.name,
        "exp": int(time.time()) + 60,
        "nats": {
            "pub": {},
            "sub": {},
            "subs": -1,
            "data": -1,
            "payload": -1,
            "type": "user",
            "version": 2,
            "tags": [f"partner:{partner.name}", "scope:read:user", "scope:write:business"],
        }
        | nats,
    }


def signed(claims: Any, key: Key = ACCOUNT, **header: Any) -> str:
    """The claims as NATS signs them."""
    head = {"typ": "JWT", "alg": "ed25519-nkey"} | header
    text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
    return f"{text}.{encoded(key.sign(text.encode()))}"


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


async def answer(partner: Partner, token: str) -> Any:
    reply = await partner.ask("user.list", {}, token)
    return 200 if reply.status == 200 else reply.refusal


async def test_good(partner: Partner) -> None:
    """It is a client's token: its tags are its rights, its `sub` is who did it."""
    token = signed(claims_of(partner))
    assert await answer(partner, token) == 200
    body = {"entity_type": "business", "registration_number": "1", "trading_name": "Acme"}
    entity_id = (await partner.ask("entity.create", body, token)).done["entityId"]
    [event] = await partner.events(entity_id, 1)
    assert event["actor"] == USER.name
    missing = await partner.ask("entity.get", {"entity_id": entity_id}, token)
    assert missing.refusal == (403, "MISSING_SCOPE", None)
    me = await partner.ask("user.me", {}, token)
    assert me.refusal == (403, "WRONG_TOKEN_KIND", None)


@pytest.mark.parametrize("form", [str.upper, str.lower, str.title])
async def test_case_of_tags(partner: Partner, form: Callable[[str], str]) -> None:
    """Tags are compared without regard to case, on either side."""
    loud = Partner(partner.deployment, partner.name.upper())
    tags = [form(f"partner:{partner.name}"), form("scope:read:user")]
    token = signed(claims_of(partner, tags=tags))
    assert await answer(partner, token) == 200
    assert await answer(loud, token) == 200


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([], "WRONG_PARTNER"),
        (None, "WRONG_PARTNER"),
        (["scope:read:user"], "WRONG_PARTNER"),
        (["partner:other", "scope:read:user"], "WRONG_PARTNER"),
        (["partner:*", "partner:>", "partner:", "partner"], "WRONG_PARTNER"),
        (["partner:{}"], "MISSING_SCOPE"),
        (["partner:{}", "scope:write:user"], "MISSING_SCOPE"),
        (["partner:{}", "scope:*", "scope:", "read:user"], "MISSING_SCOPE"),
        (["partner:{}", "scope:read:user write:user"], "MISSING_SCOPE"),
        (["partner:{}", 7, None, ["scope:read:user"]], "MISSING_SCOPE"),
    ],
)
async def test_rights_are_tags(partner: Partner, tags: list[Any] | None, code: str) -> None:
    """What has no tag is no right."""
    if tags is not None:
        tags = [t.replace("{}", partner.name) if isinstance(t, str) else t for t in tags]
    token = signed(claims_of(partner, tags=tags))
    assert await answer(partner, token) == (403, code, None)


WRONG: dict[str, Callable[[Partner], str]] = {
    "another account": lambda p: signed(claims_of(p) | {"iss": OTHER.name}, OTHER),
    "another account's key": lambda p: signed(claims_of(p), OTHER),
    "signed by the user itself": lambda p: signed(claims_of(p) | {"iss": USER.name}, USER),
    "signed by an operator": lambda p: signed(claims_of(p) | {"iss": OPERATOR.name}, OPERATOR),
    "an account's own": lambda p: signed(claims_of(p, type="account")),
    "an account as subject": lambda p: signed(claims_of(p) | {"sub": ACCOUNT.name}),
    "text after U as subject": lambda p: signed(claims_of(p) | {"sub": "User\r\nX: 1"}),
    "a subject of a wrong sum": lambda p: signed(claims_of(p) | {"sub": USER.name[::-1]}),
    "no type": lambda p: signed(claims_of(p, type=None)),
    "tags are a number": lambda p: signed(claims_of(p, tags=7)),
    "tags are an object": lambda p: signed(claims_of(p, tags={"partner": p.name})),
    "tags are text": lambda p: signed(claims_of(p, tags="scope:read:user")),
    "nats is text": lambda p: signed(claims_of(p) | {"nats": "user"}),
    "nats is a list": lambda p: signed(claims_of(p) | {"nats": ["user"]}),
    "no nats": lambda p: signed(claims_of(p) | {"nats": None}),
    "subject is a number": lambda p: signed(claims_of(p) | {"sub": 7}),
    "no subject": lambda p: signed({k: v for k, v in claims_of(p).items() if k != "sub"}),
    "issuer is a list": lambda p: signed(claims_of(p) | {"iss": [ACCOUNT.name]}),
    "no time of issue": lambda p: signed({k: v for k, v in claims_of(p).items() if k != "iat"}),
    "issued tomorrow": lambda p: signed(claims_of(p) | {"iat": int(time.time()) + 86_400}),
    "not before tomorrow": lambda p: signed(claims_of(p) | {"nbf": int(time.time()) + 86_400}),
    "expiry is text": lambda p: signed(claims_of(p) | {"exp": "never"}),
    "expiry is null": lambda p: signed(claims_of(p) | {"exp": None}),
    "claims are a list": lambda p: signed([claims_of(p)]),
    "another algorithm": lambda p: signed(claims_of(p), alg="EdDSA"),
    "no algorithm": lambda p: signed(claims_of(p), alg="none"),
    "no signature": lambda p: signed(claims_of(p)).rpartition(".")[0] + ".",
    "loose base64": lambda p: signed(claims_of(p))[:-4] + "!" + signed(claims_of(p))[-4:],
    "altered": lambda p: altered(signed(claims_of(p)), signed(claims_of(p, tags=["x"]))),
}


def altered(token: str, other: str) -> str:
    """A token with the claims of another."""
    head, _, signature = token.split(".")
    return f"{head}.{other.split('.')[1]}.{signature}"


@pytest.mark.parametrize("name", WRONG)
async def test_wrong(partner: Partner, name: str) -> None:
    """What the trusted account has not signed for a user just so is no token."""
    assert await answer(partner, WRONG[name](partner)) == REFUSED


async def test_expired(partner: Partner) -> None:
    """An expired one says so."""
    token = signed(claims_of(partner) | {"exp": int(time.time()) - 1})
    assert await answer(partner, token) == (401, "TOKEN_EXPIRED", None)


async def test_without_expiry(partner: Partner, deploy: Deploy) -> None:
    """One that never expires is accepted where the setting says so, and nowhere else."""
    claims = claims_of(partner)
    del claims["exp"]
    assert await answer(partner, signed(claims)) == REFUSED
    lenient = await deploy(nats_accounts=ACCOUNT.name, nats_jwt_without_expiry=True)
    assert await answer(Partner(lenient, partner.name), signed(claims)) == 200
    expired = claims | {"exp": int(time.time()) - 1}
    refused = await answer(Partner(lenient, partner.name), signed(expired))
    assert refused == (401, "TOKEN_EXPIRED", None)


async def test_nobody_is_trusted_unless_named(partner: Partner, deploy: Deploy) -> None:
    """A worker without trusted accounts takes none of them."""
    strict = Partner(await deploy(), partner.name)
    assert await answer(strict, signed(claims_of(partner))) == REFUSED


@pytest.mark.parametrize(
    "name",
    [USER.name, OPERATOR.name, ACCOUNT.name[:-1], ACCOUNT.name.lower(), "A", "A" * 55 + "B"],
    ids=["a user's", "an operator's", "cut off", "small letters", "too short", "wrong sum"],
)
def test_account_setting(name: str) -> None:
    """What is not the public key of an account stops the start, and the setting is named."""
    with pytest.raises(WrongSetting, match="SVC_USER_NATS_ACCOUNTS is wrong"):
        read_settings(nats_accounts=name)


def test_account_file(tmp_path: Path) -> None:
    """A file's accounts are trusted beside the setting's; what is none stops the start."""
    file = tmp_path / "accounts"
    file.write_text(f"{OTHER.name}\n")
    settings = read_settings(nats_accounts=ACCOUNT.name, nats_accounts_file=file)
    assert set(settings.account_keys) == {ACCOUNT.name, OTHER.name}
    file.write_text(USER.name)
    with pytest.raises(WrongSetting, match="SVC_USER_NATS_ACCOUNTS_FILE is wrong"):
        read_settings(nats_accounts_file=file)
