"""The whole way of a user over two workers, from a client's credentials to a free e-mail."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.client import Partner
from tests.clients import Client, SignedUp, signing_up
from tests.deployment import Deployment
from tests.eventually import eventually


async def test_whole_way(deploy: Callable[..., Awaitable[Deployment]]) -> None:
    """Each step by the tokens that a partner's system would have, and no others."""
    partner = Partner(await deploy(2))
    client = await Client.of(partner, scopes=["read:user", "write:user"])
    own = await client.token()
    request = signing_up(language="DE")
    signed_up = (await partner.ask("user.signup", request, own)).done
    user = SignedUp(signed_up["id"], request["email"], request["registrationCode"])

    tokens = (await client.exchange(user)).done
    assert await me(partner, tokens) == signed_up
    contact = {"user_id": user.id, "email": "read.by.me@example.com"}
    set_ = await partner.ask("user.set_contact_email", contact, tokens["access_token"])
    assert set_.done == {"email": "read.by.me@example.com"}
    asked = {"user_id": user.id}
    got = await partner.ask("user.get_contact_email", asked, tokens["access_token"])
    assert got.done == {"email": "read.by.me@example.com"}

    refreshed = (await client.refresh(tokens["refresh_token"])).done
    await eventually(lambda: refused_by_all(partner, tokens), within=5)
    assert await me(partner, refreshed) == signed_up

    assert (await client.refresh(tokens["refresh_token"])).refusal == (401, "INVALID_GRANT", None)
    await eventually(lambda: refused_by_all(partner, refreshed), within=5)

    users = [await client.signed_up() for _ in range(2)]
    others = [(await client.exchange(each)).done for each in users]
    for each in others:
        assert await me(partner, each)
    assert (await partner.ask("user.deactivate", {"user_id": users[0].id}, own)).done
    await eventually(lambda: refused_by_all(partner, others[0]), within=5)
    assert await me(partner, others[1])

    exists = {"email": users[0].email}
    assert (await partner.ask("user.exists", exists, own)).done == {"exists": False}
    again = await partner.ask("user.signup", signing_up(email=users[0].email), own)
    assert again.done["id"] != users[0].id
    assert (await partner.ask("user.exists", exists, own)).done == {"exists": True}


async def me(partner: Partner, tokens: dict[str, Any]) -> dict[str, Any]:
    """The user as its own token shows it."""
    shown: dict[str, Any] = (await partner.ask("user.me", {}, tokens["access_token"])).done
    return shown


async def refused_by_all(partner: Partner, tokens: dict[str, Any]) -> bool:
    """Whether no worker takes the access token: so many requests leave none of two out."""
    asked = (partner.ask("user.me", {}, tokens["access_token"]) for _ in range(24))
    return all(reply.status == 401 for reply in await asyncio.gather(*asked))
