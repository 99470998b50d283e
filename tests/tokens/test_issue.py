"""token.issue: each grant, its reply, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from service.auth.scopes import USER_SCOPES
from tests.client import Partner
from tests.clients import Client

WRONG = "A" * 43


async def test_client_credentials(partner: Partner) -> None:
    """A client's token has the client's scopes, and nothing to refresh it by."""
    client = await Client.of(partner, scopes=["read:user", "write:user"])
    reply = (await client.issue()).done
    assert reply["token_type"] == "bearer"
    assert reply["expires_in"] == 43_200
    assert reply["scope"] == "read:user write:user"
    assert reply["refresh_token"] is None
    expires = datetime.fromisoformat(reply["expires_at"])
    assert abs(expires - datetime.now(UTC) - timedelta(hours=12)) < timedelta(seconds=30)
    claims = jwt.decode(reply["access_token"], options={"verify_signature": False})
    assert (claims["iss"], claims["aud"], claims["use"]) == ("svc-user", "svc-user", "client")
    assert (claims["sub"], claims["partner"]) == (client.id, partner.name)
    exists = {"email": "nobody@example.com"}
    assert (await partner.ask("user.exists", exists, reply["access_token"])).done == {
        "exists": False
    }
    refused = await partner.ask("entity.get", {"entity_id": client.id}, reply["access_token"])
    assert refused.refusal == (403, "MISSING_SCOPE", None)


async def test_fewer_scopes(partner: Partner) -> None:
    """A client may ask for fewer scopes than it has, and for no more."""
    client = await Client.of(partner, scopes=["read:user", "write:user"])
    assert (await client.issue(scope="read:user")).done["scope"] == "read:user"
    for scope in ("read:user read:audit", "everything"):
        refused = await client.issue(scope=scope)
        assert refused.refusal == (400, "NOT_ALLOWED_VALUE", "scope")


async def test_registration_code(partner: Partner) -> None:
    """A registration code gives its user's token, with the client's scopes cut to a user's."""
    client = await Client.of(partner)
    user = await client.signed_up()
    reply = (await client.exchange(user)).done
    assert set(reply["scope"].split()) == USER_SCOPES
    assert reply["refresh_token_expires_in"] == 90 * 86_400
    assert reply["refresh_token_expires_at"] > reply["expires_at"]
    me = (await partner.ask("user.me", {}, reply["access_token"])).done
    assert (me["id"], me["email"], me["name"]) == (user.id, user.email, None)


async def test_email_in_another_case(partner: Partner) -> None:
    """The e-mail of an exchange is compared as every e-mail is."""
    client = await Client.of(partner)
    user = await client.signed_up()
    assert (await client.exchange(user, email=user.email.upper())).done


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"grant_type": "password"}, (400, "NOT_ALLOWED_VALUE", "grant_type")),
        ({"grant_type": None}, (400, "NOT_ALLOWED_VALUE", "grant_type")),
        ({"client_id": 1}, (400, "INVALID_FORMAT", "client_id")),
        ({"client_secret": ""}, (400, "TOO_SHORT", "client_secret")),
        ({"scope": 1}, (400, "INVALID_FORMAT", "scope")),
        ({"email": "a@example.com"}, (400, "UNKNOWN_FIELD", "email")),
        ({"grant_type": "refresh_token"}, (400, "REQUIRED", "refresh_token")),
        ({"grant_type": "registration_code"}, (400, "REQUIRED", "email")),
        (
            {"grant_type": "registration_code", "email": "a@example.com"},
            (400, "REQUIRED", "registration_code"),
        ),
        (
            {"grant_type": "refresh_token", "refresh_token": "x", "scope": "read:user"},
            (400, "UNKNOWN_FIELD", "scope"),
        ),
        ({"client_secret": WRONG}, (401, "INVALID_CLIENT", None)),
        ({"client_id": "nobody"}, (401, "INVALID_CLIENT", None)),
        ({"grant_type": "refresh_token", "refresh_token": WRONG}, (401, "INVALID_GRANT", None)),
        (
            {
                "grant_type": "registration_code",
                "email": "nobody@example.com",
                "registration_code": WRONG,
            },
            (401, "INVALID_GRANT", None),
        ),
    ],
)
async def test_refused(partner: Partner, fields: dict[str, Any], expected: object) -> None:
    """What is malformed is a 400 that names the field, what does not fit a 401."""
    client = await Client.of(partner)
    body = {"grant_type": "client_credentials", "client_id": client.id}
    body |= {"client_secret": client.secret}
    assert (await partner.ask("token.issue", body | fields, "")).refusal == expected


async def test_one_wording(partner: Partner) -> None:
    """Nobody, a wrong code and a spent code are told apart by nothing in the refusal."""
    client = await Client.of(partner)
    user = await client.signed_up()
    wrong = await client.exchange(user, registration_code=WRONG)
    assert (await client.exchange(user)).done
    spent = await client.exchange(user)
    nobody = await client.exchange(user, email="nobody@example.com")
    bodies = [dict(reply.body, instance="") for reply in (wrong, spent, nobody)]
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0]["errors"][0]["code"] == "INVALID_GRANT"


async def test_another_partners_client(partner: Partner) -> None:
    """A client is one partner's: another does not know it."""
    client = await Client.of(partner)
    client.partner = Partner(partner.deployment)
    assert (await client.issue()).refusal == (401, "INVALID_CLIENT", None)


async def test_client_with_domain(partner: Partner) -> None:
    """The tokens of a client with a domain carry it; users outside are nobody to it."""
    domain = "018f0000-0000-7000-8000-0000000000d0"
    inside = await Client.of(partner, domain=domain)
    claims = jwt.decode(await inside.token(), options={"verify_signature": False})
    assert claims["domain"] == domain
    user = await (await Client.of(partner)).signed_up()
    assert (await inside.exchange(user)).refusal == (401, "INVALID_GRANT", None)


async def test_jwks(partner: Partner) -> None:
    """Whoever asks gets the public keys that the tokens verify with, and no private part."""
    keys = (await partner.ask("token.jwks", token="")).done["keys"]
    token = await (await Client.of(partner)).token()
    [key] = [key for key in keys if key["kid"] == jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, jwt.PyJWK(key), algorithms=["EdDSA"], audience="svc-user")
    assert all("d" not in key for key in keys)
