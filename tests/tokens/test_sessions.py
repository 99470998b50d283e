"""Sessions: a code serves once, a refresh token too, whoever races."""

import asyncio
import base64
from collections.abc import Awaitable, Callable

from tests.client import Partner, Reply
from tests.clients import Client
from tests.deployment import Deployment
from tests.eventually import eventually

Deploy = Callable[..., Awaitable[Deployment]]
RACERS = 12


def outcomes(replies: list[Reply]) -> list[str]:
    """What became of each: `done`, or the code of its refusal."""
    return sorted("done" if reply.status == 200 else reply.refusal[1] for reply in replies)


async def refused_everywhere(partner: Partner, token: str) -> bool:
    """Whether no worker takes the token: so many requests leave none of two out."""
    replies = await asyncio.gather(*(partner.ask("user.me", {}, token) for _ in range(24)))
    return all(
        reply.status == 401 and reply.refusal == (401, "UNAUTHENTICATED", None) for reply in replies
    )


async def test_a_code_serves_once(deploy: Deploy) -> None:
    """Of exchanges that race on two workers one gets tokens, also when it is tried again later."""
    client = await Client.of(Partner(await deploy(2)))
    user = await client.signed_up()
    replies = await asyncio.gather(*(client.exchange(user) for _ in range(8)))
    assert outcomes(replies) == ["INVALID_GRANT"] * 7 + ["done"]
    assert (await client.exchange(user)).refusal == (401, "INVALID_GRANT", None)


async def test_refresh(partner: Partner) -> None:
    """A refresh gives other tokens; the access token from before dies on a worker that knows it."""
    client = await Client.of(partner)
    first = (await client.exchange(await client.signed_up())).done
    assert (await partner.ask("user.me", {}, first["access_token"])).done
    second = (await client.refresh(first["refresh_token"])).done
    assert second["refresh_token"] != first["refresh_token"]
    assert (await partner.ask("user.me", {}, second["access_token"])).done
    await eventually(lambda: refused_everywhere(partner, first["access_token"]), within=5)
    assert (await partner.ask("user.me", {}, second["access_token"])).done
    third = (await client.refresh(second["refresh_token"])).done
    assert (await partner.ask("user.me", {}, third["access_token"])).done


async def test_refresh_token_used_twice(partner: Partner) -> None:
    """A refresh token that comes again ends the session, which one event tells of."""
    client = await Client.of(partner)
    user = await client.signed_up()
    tokens = [(await client.exchange(user)).done]
    for _ in range(3):
        tokens.append((await client.refresh(tokens[-1]["refresh_token"])).done)
    assert (await partner.ask("user.me", {}, tokens[-1]["access_token"])).done
    again = await client.refresh(tokens[1]["refresh_token"])
    assert again.refusal == (401, "INVALID_GRANT", None)
    latest = await client.refresh(tokens[-1]["refresh_token"])
    assert latest.refusal == (401, "INVALID_GRANT", None)
    await eventually(lambda: refused_everywhere(partner, tokens[-1]["access_token"]), within=5)
    session = await partner.deployment.database["sessions"].find_one({"user_id": user.id})
    assert session is not None
    [event] = await partner.events(session["_id"], 1)
    assert event["type"] == "token.revoked"
    assert event["actor"] == client.id
    assert event["data"] == {
        "session_id": session["_id"],
        "user_id": user.id,
        "client_id": client.id,
        "reason": "reused",
        "changed": ["revoked"],
    }


async def test_racing_refreshes(deploy: Deploy) -> None:
    """Refreshes with one token that race on two workers: one gets through, and the session ends."""
    partner = Partner(await deploy(2))
    client = await Client.of(partner)
    first = (await client.exchange(await client.signed_up())).done
    replies = await asyncio.gather(*(client.refresh(first["refresh_token"]) for _ in range(RACERS)))
    assert outcomes(replies).count("done") == 1
    [winner] = [reply.body for reply in replies if reply.status == 200]
    assert (await client.refresh(winner["refresh_token"])).refusal[1] == "INVALID_GRANT"
    await eventually(lambda: refused_everywhere(partner, winner["access_token"]), within=5)


async def test_made_up_token_ends_nothing(partner: Partner) -> None:
    """Who knows a session's id alone cannot end it."""
    client = await Client.of(partner)
    tokens = (await client.exchange(await client.signed_up())).done
    raw = base64.urlsafe_b64decode(tokens["refresh_token"])
    made_up = base64.urlsafe_b64encode(raw[:16] + bytes(48)).decode()
    for token in (made_up, "x", tokens["refresh_token"][:-4], tokens["access_token"][:256]):
        assert (await client.refresh(token)).refusal == (401, "INVALID_GRANT", None)
    assert (await client.refresh(tokens["refresh_token"])).done


async def test_another_client(partner: Partner) -> None:
    """A refresh token is worth nothing in another client's hands, and is not used up by it."""
    client, other = await Client.of(partner), await Client.of(partner)
    tokens = (await client.exchange(await client.signed_up())).done
    assert (await other.refresh(tokens["refresh_token"])).refusal == (401, "INVALID_GRANT", None)
    assert (await client.refresh(tokens["refresh_token"])).done


async def test_expired_refresh_token(deploy: Deploy) -> None:
    """A refresh token is good for as long as its reply says."""
    client = await Client.of(Partner(await deploy(refresh_seconds=1)))
    tokens = (await client.exchange(await client.signed_up())).done
    assert tokens["refresh_token_expires_in"] == 1

    async def expired() -> bool:
        sessions = client.partner.deployment.database["sessions"]
        return (
            await sessions.find_one({"$expr": {"$lt": ["$refresh_expires_at", "$$NOW"]}})
            is not None
        )

    await eventually(expired, within=5)
    assert (await client.refresh(tokens["refresh_token"])).refusal == (401, "INVALID_GRANT", None)


async def test_deactivated_user(partner: Partner) -> None:
    """A deactivated user's refresh token is dead, and stays so when the user is activated."""
    client = await Client.of(partner)
    user = await client.signed_up()
    unused = await client.signed_up()
    tokens = (await client.exchange(user)).done
    for id in (user.id, unused.id):
        assert (await partner.ask("user.deactivate", {"user_id": id})).done
    assert (await client.refresh(tokens["refresh_token"])).refusal == (401, "INVALID_GRANT", None)
    assert (await client.exchange(unused)).refusal == (401, "INVALID_GRANT", None)
    assert (await partner.ask("user.activate", {"user_id": user.id})).done
    assert (await client.refresh(tokens["refresh_token"])).refusal == (401, "INVALID_GRANT", None)


async def test_revoke(partner: Partner) -> None:
    """An access or a refresh token ends the session that it is of; the event names the user."""
    client = await Client.of(partner)
    for kind in ("access_token", "refresh_token"):
        user = await client.signed_up()
        tokens = (await client.exchange(user)).done
        assert (await partner.ask("user.me", {}, tokens["access_token"])).done
        for _ in range(2):
            assert (await client.revoke(tokens[kind])).done == {"revoked": True}
        await eventually(lambda: refused_everywhere(partner, tokens["access_token"]), within=5)  # noqa: B023  # awaited in the turn
        assert (await client.refresh(tokens["refresh_token"])).refusal[1] == "INVALID_GRANT"
        session = await partner.deployment.database["sessions"].find_one({"user_id": user.id})
        assert session is not None
        [event] = await partner.events(session["_id"], 1)
        assert (event["data"]["user_id"], event["data"]["reason"]) == (user.id, "revoked")


async def test_revoke_of_a_clients_own_token(partner: Partner) -> None:
    """A client's own token ends alone; others of the client's go on."""
    client = await Client.of(partner)
    token, other = await client.token(), await client.token()
    assert (await partner.ask("user.list", {}, token)).done
    for _ in range(2):
        assert (await client.revoke(token)).done == {"revoked": True}

    async def refused() -> bool:
        return (await partner.ask("user.list", {}, token)).status == 401

    await eventually(refused, within=5)
    assert (await partner.ask("user.list", {}, other)).done


async def test_revoke_of_what_is_no_token(partner: Partner) -> None:
    """What is unknown, or another client's, is answered alike, and nothing happens to it."""
    client, other = await Client.of(partner), await Client.of(partner)
    tokens = (await other.exchange(await other.signed_up())).done
    for token in ("x", "x" * 8_000, tokens["access_token"], tokens["refresh_token"]):
        assert (await client.revoke(token)).done == {"revoked": True}
    assert (await other.refresh(tokens["refresh_token"])).done
    refused = await client.revoke("x", client_secret="wrong")
    assert refused.refusal == (401, "INVALID_CLIENT", None)
