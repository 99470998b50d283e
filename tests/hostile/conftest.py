"""What the walks ask for besides."""

from collections.abc import AsyncIterator

import pytest

from tests.bus.raw import RawClient
from tests.deployment import Deployment


@pytest.fixture(scope="module")
async def raw(deployment: Deployment) -> AsyncIterator[RawClient]:
    """A client of the deployment's NATS server that may send anything."""
    client = await RawClient.connect(deployment.nats_url)
    yield client
    await client.close()
