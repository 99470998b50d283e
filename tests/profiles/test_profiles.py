"""svc.profile: a personal profile, one for each business, and the first from the start."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.client import Partner, events_on, is_uuid, new_user
from tests.clients import signing_up
from tests.deployment import Deployment

THERE = (409, "NOT_UNIQUE", "type")
DOMAIN = "018f0000-0000-7000-8000-0000000000d0"


async def profiles(partner: Partner, user_id: str, **fields: Any) -> list[dict[str, Any]]:
    """The user's profiles."""
    reply = await partner.ask("profile.list", {"user_id": user_id, **fields})
    items: list[dict[str, Any]] = reply.done["items"]
    return items


async def signed_up(partner: Partner) -> str:
    """A user of no entity."""
    id: str = (await partner.ask("user.signup", signing_up())).done["id"]
    return id


async def test_from_the_start(partner: Partner) -> None:
    """A user of a business has its profile at once; `user.created` tells of both."""
    entity_id = await partner.entity()
    user_id = await partner.user(entity_id)
    [profile] = await profiles(partner, user_id)
    assert is_uuid(profile["profile_id"])
    assert profile["profile_id"] != user_id
    assert (profile["type"], profile["entity_id"]) == ("business", entity_id)
    asked = {"profile_id": profile["profile_id"]}
    got = await partner.ask("profile.get", asked)
    assert (got.done, got.version) == (profile, 1)
    [created] = await partner.events(user_id, 1)
    assert created["type"] == "user.created"
    assert await events_on(partner.deployment, f"evt.profile.{partner.name}.>") == []


async def test_signed_up_user_has_none(partner: Partner) -> None:
    """A user of no entity begins without a profile, and may be given each kind."""
    user_id = await signed_up(partner)
    assert await profiles(partner, user_id) == []
    created = await partner.ask("profile.create", {"user_id": user_id, "type": "personal"})
    assert created.version == 1
    profile = created.done
    assert (profile["type"], profile["entity_id"], profile["version"]) == ("personal", None, 1)
    entity_id = await partner.entity()
    body = {"user_id": user_id, "type": "business", "entity_id": entity_id}
    business = (await partner.ask("profile.create", body)).done
    assert await profiles(partner, user_id) == [profile, business]
    asked = {"profile_id": business["profile_id"]}
    assert (await partner.ask("profile.get", asked)).done == business
    [event] = await partner.events(profile["profile_id"], 1)
    assert event["data"]["profile"] == profile
    assert event["data"]["changed"] == ["type", "user_id"]


async def test_one_of_each(partner: Partner) -> None:
    """A second personal profile, or a second for one business, is refused."""
    entity_id = await partner.entity()
    user_id = await partner.user(entity_id)
    business = {"user_id": user_id, "type": "business", "entity_id": entity_id}
    assert (await partner.ask("profile.create", business)).refusal == THERE
    personal = {"user_id": user_id, "type": "personal"}
    assert (await partner.ask("profile.create", personal)).done
    assert (await partner.ask("profile.create", personal)).refusal == THERE
    other = business | {"entity_id": await partner.entity()}
    assert (await partner.ask("profile.create", other)).done
    assert (await partner.ask("profile.create", other)).refusal == THERE
    assert len(await profiles(partner, user_id)) == 3


async def test_race(deploy: Callable[..., Awaitable[Deployment]]) -> None:
    """Of creates that race on two workers one wins; with one key all have the same reply."""
    partner = Partner(await deploy(2))
    user_id = await signed_up(partner)
    body = {"user_id": user_id, "type": "personal"}
    asked = (partner.ask("profile.create", body) for _ in range(12))
    assert sorted(r.status for r in await asyncio.gather(*asked)) == [200] + [409] * 11
    body = {"user_id": user_id, "type": "business", "entity_id": await partner.entity()}
    same = (partner.ask("profile.create", body, idempotency_key="k") for _ in range(12))
    replies = await asyncio.gather(*same)
    assert all(reply.done == replies[0].done for reply in replies)
    assert len(await profiles(partner, user_id)) == 2


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"type": "business"}, (400, "REQUIRED", "entity_id")),
        ({"type": "personal", "entity_id": str(uuid4())}, (400, "UNKNOWN_FIELD", "entity_id")),
        ({"type": "club"}, (400, "NOT_ALLOWED_VALUE", "type")),
        ({"type": "business", "entity_id": str(uuid4())}, (404, "ENTITY_NOT_FOUND", "entity_id")),
        ({"type": "personal", "user_id": str(uuid4())}, (404, "USER_NOT_FOUND", "user_id")),
    ],
)
async def test_refused(partner: Partner, fields: dict[str, Any], expected: object) -> None:
    """What breaks a rule is named."""
    body = {"user_id": await signed_up(partner)} | fields
    assert (await partner.ask("profile.create", body)).refusal == expected


async def test_pages(partner: Partner) -> None:
    """The first profile comes first, each once, whatever the size of a page."""
    user_id = await partner.user()
    for _ in range(4):
        body = {"user_id": user_id, "type": "business", "entity_id": await partner.entity()}
        assert (await partner.ask("profile.create", body)).done
    everything = await profiles(partner, user_id)
    assert len(everything) == 5
    for limit in (1, 2, 3, 5):
        seen: list[Any] = []
        cursor: dict[str, Any] = {}
        while True:
            asked = {"user_id": user_id, "limit": limit, **cursor}
            page = (await partner.ask("profile.list", asked)).done
            seen += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert seen == everything
    made_up = await partner.ask("profile.list", {"user_id": user_id, "cursor": "x"})
    assert made_up.refusal == (400, "INVALID_FORMAT", "cursor")


async def test_who_sees(partner: Partner) -> None:
    """A user sees its own profiles and nobody else's; a domain sees none of outside."""
    user_id, other_id = await signed_up(partner), await partner.user()
    own, domain = partner.user_token(user_id), partner.token(domain=DOMAIN)
    created = await partner.ask("profile.create", {"user_id": user_id, "type": "personal"}, own)
    mine, [theirs] = created.done, await profiles(partner, other_id)
    asked = {"profile_id": mine["profile_id"]}
    assert (await partner.ask("profile.get", asked, own)).done == mine
    not_found = (404, "PROFILE_NOT_FOUND", "profile_id")
    assert (await partner.ask("profile.get", asked, domain)).refusal == not_found
    for token in (own, domain):
        body = {"profile_id": theirs["profile_id"]}
        assert (await partner.ask("profile.get", body, token)).refusal == not_found
        listed = await partner.ask("profile.list", {"user_id": other_id}, token)
        assert listed.refusal == (404, "USER_NOT_FOUND", "user_id")
        body = {"user_id": other_id, "type": "personal"}
        assert (await partner.ask("profile.create", body, token)).refusal == listed.refusal
    stranger = Partner(partner.deployment)
    assert (await stranger.ask("profile.get", asked)).refusal == not_found


async def test_repeated_create_has_one_profile(partner: Partner) -> None:
    """A repeated user.create has made one user with one profile."""
    request = new_user(await partner.entity())
    asked = (partner.ask("user.create", request, idempotency_key="k") for _ in range(5))
    [user_id] = {reply.done["userId"] for reply in await asyncio.gather(*asked)}
    assert len(await profiles(partner, user_id)) == 1
    assert len(await partner.events(user_id, 1)) == 1
