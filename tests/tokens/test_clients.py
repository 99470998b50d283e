"""Clients: what follows when one gets another secret, or is removed."""

from datetime import UTC, datetime

from service.tokens.clients import Clients
from tests.client import Partner
from tests.clients import Client
from tests.eventually import eventually


async def test_rotated_secret(partner: Partner) -> None:
    """The secret from before stops at once; tokens go on."""
    client = await Client.of(partner)
    token = await client.token()
    secret = await Clients(partner.deployment.worker.mongo).rotate(partner.name, client.id)
    assert secret is not None
    assert (await client.issue()).refusal == (401, "INVALID_CLIENT", None)
    client.secret = secret
    assert (await client.issue()).done
    assert (await partner.ask("user.list", {}, token)).done


async def test_removed(partner: Partner) -> None:
    """A removed client's tokens stop working, those of users that it holds too."""
    client, other = await Client.of(partner), await Client.of(partner)
    token, others = await client.token(), await other.token()
    users = (await client.exchange(await client.signed_up())).done
    assert (await partner.ask("user.list", {}, token)).done
    assert (await partner.ask("user.me", {}, users["access_token"])).done
    clients = Clients(partner.deployment.worker.mongo)
    assert await clients.remove(partner.name, client.id, datetime.now(UTC))
    assert (await client.issue()).refusal == (401, "INVALID_CLIENT", None)
    assert (await client.refresh(users["refresh_token"])).refusal[1] == "INVALID_CLIENT"

    async def refused() -> bool:
        own = await partner.ask("user.list", {}, token)
        users_own = await partner.ask("user.me", {}, users["access_token"])
        return own.status == users_own.status == 401

    await eventually(refused, within=5)
    assert (await partner.ask("user.list", {}, others)).done
    assert not await clients.remove(partner.name, client.id, datetime.now(UTC))
    assert await clients.rotate(partner.name, client.id) is None
    assert [each.id for each in await clients.all_of(partner.name)] == [other.id]
