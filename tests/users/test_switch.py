"""user.deactivate and activate, and the tokens of users that are not active."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from service.auth.scopes import TokenUse
from tests.client import Partner, Reply, new_user
from tests.deployment import Deploy
from tests.eventually import eventually


async def test_there_and_back(partner: Partner) -> None:
    """Each is a change with its event and reason; repeated it is none."""
    user_id = await partner.user()
    body = {"user_id": user_id, "reason": "left us"}
    for _ in range(2):
        off = await partner.ask("user.deactivate", body)
        assert (off.done, off.version) == ({"userId": user_id, "active": False}, 2)
    assert (await partner.ask("user.get", {"user_id": user_id})).done["active"] is False
    for _ in range(2):
        on = await partner.ask("user.activate", {"user_id": user_id})
        assert (on.done, on.version) == ({"userId": user_id, "active": True}, 3)
    await partner.ask("user.deactivate", {"user_id": user_id, "reason": None})
    events = await partner.events(user_id, 4)
    told = [(e["type"], e["data"]["reason"], e["data"]["changed"]) for e in events[1:]]
    assert told == [
        ("user.deactivated", "left us", ["active"]),
        ("user.activated", None, ["active"]),
        ("user.deactivated", None, ["active"]),
    ]
    assert [e["data"]["user"]["active"] for e in events] == [True, False, True, False]


@pytest.mark.parametrize("title", ["user.activate", "user.deactivate"])
async def test_refusals(partner: Partner, title: str) -> None:
    """An unknown user is not found, and a reason has a length."""
    reply = await partner.ask(title, {"user_id": str(uuid4())})
    assert reply.refusal == (404, "USER_NOT_FOUND", "user_id")
    for reason, code in (("", "TOO_SHORT"), ("x" * 257, "TOO_LONG"), (1, "INVALID_FORMAT")):
        wrong = await partner.ask(title, {"user_id": str(uuid4()), "reason": reason})
        assert wrong.refusal == (400, code, "reason")


async def test_email_is_freed_and_may_be_taken(partner: Partner) -> None:
    """The e-mail of a deactivated user is free; once taken, the user is not activated again."""
    entity_id = await partner.entity()
    first = await partner.user(entity_id, email="Ann@example.com")
    await partner.ask("user.deactivate", {"user_id": first})
    second = await partner.user(entity_id, email="ann@example.com")
    reply = await partner.ask("user.activate", {"user_id": first})
    assert reply.refusal == (409, "NOT_UNIQUE", "email")
    assert "A***@example.com" in reply.body["errors"][0]["arguments"]
    assert (await partner.ask("user.get", {"user_id": first})).version == 2
    await partner.ask("user.deactivate", {"user_id": second})
    assert (await partner.ask("user.activate", {"user_id": first})).done["active"] is True


async def test_deactivated_user_can_be_changed(partner: Partner) -> None:
    """A record stays a record: a client may read and change it, also to an e-mail in use."""
    entity_id = await partner.entity()
    await partner.user(entity_id, email="ann@example.com")
    user_id = await partner.user(entity_id)
    await partner.ask("user.deactivate", {"user_id": user_id})
    body = {"user_id": user_id, "email": "ann@example.com"}
    assert (await partner.ask("user.update", body)).done
    again = await partner.ask("user.activate", {"user_id": user_id})
    assert again.refusal == (409, "NOT_UNIQUE", "email")


async def test_one_of_many_gets_the_email(partner: Partner) -> None:
    """Of many that are activated at once with one e-mail, one is."""
    entity_id, people = await partner.entity(), []
    for _ in range(8):
        people.append(await partner.user(entity_id, email="ann@example.com"))
        await partner.ask("user.deactivate", {"user_id": people[-1]})
    replies = await asyncio.gather(*(partner.ask("user.activate", {"user_id": p}) for p in people))
    refused = [reply.refusal for reply in replies if reply.status != 200]
    assert refused == [(409, "NOT_UNIQUE", "email")] * 7


@pytest.mark.parametrize("use", [TokenUse.USER, TokenUse.PERSONAL])
async def test_tokens_die_on_every_worker(deploy: Deploy, use: TokenUse) -> None:
    """A deactivated user's tokens stop within 5 s on both workers, and stay dead; new ones work."""
    partner = Partner(await deploy(2))
    user_id = await partner.user()
    token = partner.token(subject=user_id, use=use)

    async def me(token: str) -> list[Reply]:
        # Which worker is asked is NATS's draw: of so many, each gets some.
        return await asyncio.gather(*(partner.ask("user.me", {}, token) for _ in range(24)))

    assert {reply.status for reply in await me(token)} == {200}
    asked = partner.deployment.answered
    assert min(asked) > 0
    await partner.ask("user.deactivate", {"user_id": user_id})

    async def dead() -> bool:
        return {reply.status for reply in await me(token)} == {401}

    await eventually(dead, within=5)
    fresh = partner.token(subject=user_id, use=use)
    for reply in await me(fresh):
        assert reply.refusal == (401, "UNAUTHENTICATED", None)
    await partner.ask("user.activate", {"user_id": user_id})
    for reply in await me(token) + await me(fresh):
        assert reply.refusal == (401, "UNAUTHENTICATED", None)
    newest = partner.token(subject=user_id, use=use)
    assert {reply.status for reply in await me(newest)} == {200}
    assert all(now > before for now, before in zip(partner.deployment.answered, asked, strict=True))


async def test_revocation_that_shows_late(partner: Partner) -> None:
    """One with a time long past counts: its writer's clock is behind, or its writer was frozen."""
    user_id = await partner.user()
    token = partner.user_token(user_id)
    assert (await partner.ask("user.me", {}, token)).status == 200
    now = datetime.now(UTC)
    off = {"active": False, "revoked": {"at": now - timedelta(minutes=2), "before": now}}
    users = partner.deployment.database["users"]
    await users.update_one({"_id": user_id}, {"$set": off})

    async def dead() -> bool:
        return (await partner.ask("user.me", {}, token)).status == 401

    await eventually(dead, within=5)


async def test_users_may_not_switch(partner: Partner) -> None:
    """A user neither deactivates nor activates itself; nor does one make others."""
    user_id = await partner.user()
    token = partner.user_token(user_id)
    for title in ("user.deactivate", "user.activate", "user.exists", "user.create"):
        reply = await partner.ask(title, new_user(str(uuid4())), token)
        assert reply.refusal == (403, "WRONG_TOKEN_KIND", None)
