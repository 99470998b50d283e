"""A NATS server of one's own, with a client and an event stream that a test fills itself."""

from collections.abc import AsyncIterator

import pytest

from schemas.client import Client
from service.local import LocalServer
from tests.schemas.stream import FilledStream
from tests.servers import PrivateServers


@pytest.fixture
async def server(private_servers: PrivateServers) -> LocalServer:
    return await private_servers.nats()


@pytest.fixture
async def client(server: LocalServer) -> AsyncIterator[Client]:
    async with Client.connected(server.url, "acme", reconnect_time_wait=0.05) as client:
        yield client


@pytest.fixture
async def stream(client: Client) -> FilledStream:
    stream = FilledStream(client.connection)
    await stream.make()
    return stream
