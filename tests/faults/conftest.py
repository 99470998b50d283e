"""What the tests of faults ask for, and how long their long forms are.

`make faults` sets the variables; without them the tests are short, as a part of the suite.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.house import House, connected
from tests.servers import PrivateServers


@pytest.fixture(scope="session")
def rounds() -> int:
    """How often each thing is killed."""
    return int(os.environ.get("SVC_USER_FAULT_ROUNDS", "1"))


@pytest.fixture(scope="session")
def outage() -> float:
    """Seconds that a server is away for long: longer than a worker waits for an answer."""
    return float(os.environ.get("SVC_USER_FAULT_OUTAGE", "6"))


@pytest.fixture
async def house(private_servers: PrivateServers, tmp_path: Path) -> AsyncIterator[House]:
    """Servers that this test may do anything to; workers are started by the test."""
    nats, mongo = await private_servers.nats(), await private_servers.mongo()
    house = House(tmp_path, [nats], [mongo], await connected(nats.url))
    yield house
    await house.close()
