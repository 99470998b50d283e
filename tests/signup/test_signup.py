"""user.signup: who may, what is refused, and whose e-mail it is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, get_args

import pytest

from schemas.signup import Language
from tests.client import Partner
from tests.clients import signing_up
from tests.deployment import Deployment

DOMAIN = "018f0000-0000-7000-8000-0000000000d0"


async def test_signed_up(partner: Partner) -> None:
    """The reply is a user object of nobody known; one event tells of it, without the code."""
    request = signing_up(language="FR")
    reply = await partner.ask("user.signup", request)
    expected = {"name": None, "email": request["email"], "active": True, "details": None}
    assert reply.done == {"id": reply.body["id"], **expected}
    assert reply.version == 1
    [event] = await partner.events(reply.body["id"], 1)
    assert event["type"] == "user.signed_up"
    assert event["data"]["changed"] == ["email", "language"]
    record = await partner.record(reply.body["id"])
    assert event["data"]["user"] == record
    assert (record["language"], record["entity_id"]) == ("FR", None)
    assert (record["confirmed"], record["verified"]) == (False, False)


async def test_language_left_out(partner: Partner) -> None:
    """A user who says no language has English."""
    reply = await partner.ask("user.signup", signing_up())
    assert (await partner.record(reply.done["id"]))["language"] == "EN"


@pytest.mark.parametrize("language", get_args(Language))
async def test_languages(partner: Partner, language: str) -> None:
    """Each language of the seed is taken."""
    assert (await partner.ask("user.signup", signing_up(language=language))).done


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"registrationCode": "x" * 31}, (400, "TOO_SHORT", "registrationCode")),
        ({"registrationCode": " " + "x" * 31 + " "}, (400, "TOO_SHORT", "registrationCode")),
        ({"registrationCode": "x" * 257}, (400, "TOO_LONG", "registrationCode")),
        ({"registrationCode": None}, (400, "INVALID_FORMAT", "registrationCode")),
        ({"email": "nobody"}, (400, "INVALID_FORMAT", "email")),
        ({"language": "XX"}, (400, "NOT_ALLOWED_VALUE", "language")),
        ({"language": "en"}, (400, "NOT_ALLOWED_VALUE", "language")),
        ({"name": "Ann"}, (400, "UNKNOWN_FIELD", "name")),
    ],
)
async def test_refused(partner: Partner, fields: dict[str, Any], expected: object) -> None:
    """A field that breaks its rule is named."""
    assert (await partner.ask("user.signup", signing_up(**fields))).refusal == expected


async def test_email_taken(partner: Partner) -> None:
    """An active user's e-mail is refused, in any case; an inactive one's is free."""
    request = signing_up()
    user_id = (await partner.ask("user.signup", request)).done["id"]
    upper = signing_up(email=request["email"].upper())
    assert (await partner.ask("user.signup", upper)).refusal == (409, "NOT_UNIQUE", "email")
    created = signing_up(email=(await partner.record(await partner.user()))["email"])
    assert (await partner.ask("user.signup", created)).refusal == (409, "NOT_UNIQUE", "email")
    assert (await partner.ask("user.deactivate", {"user_id": user_id})).done
    assert (await partner.ask("user.signup", upper)).done
    activate = await partner.ask("user.activate", {"user_id": user_id})
    assert activate.refusal == (409, "NOT_UNIQUE", "email")


async def test_two_at_once(deploy: Callable[..., Awaitable[Deployment]]) -> None:
    """Of sign-ups with one e-mail that race on two workers, one wins."""
    partner = Partner(await deploy(2))
    email = signing_up()["email"]
    asked = (partner.ask("user.signup", signing_up(email=email)) for _ in range(10))
    replies = await asyncio.gather(*asked)
    assert sorted(reply.status for reply in replies) == [200] + [409] * 9


async def test_repeated_with_its_key(partner: Partner) -> None:
    """A repeat has the same reply and makes no second user; another code is another request."""
    request = signing_up()
    first, *others = await asyncio.gather(
        *(partner.ask("user.signup", request, idempotency_key="k1") for _ in range(4))
    )
    assert all(other.done == first.done for other in others)
    changed = request | {"registrationCode": "y" * 40}
    refused = await partner.ask("user.signup", changed, idempotency_key="k1")
    assert refused.refusal[:2] == (409, "IDEMPOTENCY_KEY_REUSED")
    assert len(await partner.events(first.done["id"], 1)) == 1


async def test_token_with_domain(partner: Partner) -> None:
    """A user of no entity would lie outside the domain of the token that makes it."""
    refused = await partner.ask("user.signup", signing_up(), partner.token(domain=DOMAIN))
    assert refused.refusal == (403, "OUTSIDE_DOMAIN", None)


async def test_record_is_filled_in_steps(partner: Partner) -> None:
    """A signed-up user makes its record complete by itself, and its object with it."""
    request = signing_up()
    user_id = (await partner.ask("user.signup", request)).done["id"]
    token = partner.user_token(user_id)
    steps: list[dict[str, Any]] = [
        {"first_name": "Ann"},
        {"last_name": "Lee", "phone_number": "+37111111111"},
        {"date_of_birth": "1990-06-01", "occupation": "Baker"},
    ]
    for step in steps:
        assert (await partner.ask("user.update", {"user_id": user_id, **step}, token)).done
    shown = (await partner.ask("user.me", {}, token)).done
    assert shown["name"] == "Ann Lee"
    assert shown["details"]["dateOfBirth"] == "1990-06-01"
    assert shown["details"]["address"] is None
