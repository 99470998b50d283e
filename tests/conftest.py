"""What every test can ask for: servers, and a database of its own."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from tests.alone import in_room
from tests.client import Partner
from tests.deployment import Deploy, Deployment
from tests.servers import KINDS, MONGO, NATS, PrivateServers, describe, start_server


def pytest_report_collectionfinish(items: list[pytest.Item]) -> list[str]:
    """Say in the header which servers the run is on, if any of its tests asks for one."""
    wanted = {name for item in items for name in getattr(item, "fixturenames", ())}
    return [describe(kind) for kind in KINDS if kind.fixture in wanted]


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say so where several processes run the tests, whose own headers are not shown."""
    return [describe(kind) for kind in KINDS] if config.getoption("numprocesses", None) else []


@pytest.fixture(autouse=True)
async def _room(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[None]:
    """Keep tests that measure time apart from those of other processes."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    alone = request.node.get_closest_marker("alone") is not None
    async with in_room(tmp_path_factory.getbasetemp().parent, alone=alone):
        yield


@pytest.fixture(scope="session")
async def nats_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The NATS server of the whole run."""
    server = await start_server(NATS, tmp_path_factory.mktemp("nats"))
    yield server.url
    await server.stop()


@pytest.fixture(scope="session")
async def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The MongoDB of the whole run, a replica set."""
    server = await start_server(MONGO, tmp_path_factory.mktemp("mongo"))
    yield server.url
    await server.stop()


@pytest.fixture(scope="session")
async def mongo_admin(mongo_uri: str) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    """A client of the run's MongoDB that no code under test has in hand."""
    async with AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        yield client


@pytest.fixture
async def database_name(mongo_admin: AsyncMongoClient[dict[str, Any]]) -> AsyncIterator[str]:
    """A database for this test alone, dropped after it."""
    name = f"test_{uuid4().hex}"
    yield name
    await mongo_admin.drop_database(name)


@pytest.fixture
async def private_servers(tmp_path: Path) -> AsyncIterator[PrivateServers]:
    """Starts servers for this test alone, which it may kill, freeze and restart."""
    servers = PrivateServers(tmp_path)
    yield servers
    servers.kill()


@pytest.fixture(scope="module")
def deployment_settings() -> dict[str, Any]:
    """The settings of the module's worker, for a module to put its own in their place."""
    return {}


@pytest.fixture(scope="module")
async def deployment(
    nats_url: str,
    mongo_uri: str,
    tmp_path_factory: pytest.TempPathFactory,
    deployment_settings: dict[str, Any],
) -> AsyncIterator[Deployment]:
    """One worker with a database of its own, for the tests of a module."""
    folder, database = tmp_path_factory.mktemp("keys"), f"test_{uuid4().hex}"
    deployment = Deployment(folder, nats_url, mongo_uri, database)
    await deployment.start(**deployment_settings)
    yield deployment
    await deployment.stop()


@pytest.fixture
def partner(deployment: Deployment) -> Partner:
    """A partner of this test alone, so that nobody else's users are in its lists."""
    return Partner(deployment)


@pytest.fixture
async def deploy(
    private_servers: PrivateServers, mongo_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deploy]:
    """Starts workers for this test alone, on a NATS server of their own, with settings."""
    started = []

    async def start(
        count: int = 1, *, mongo: str = mongo_uri, nats_config: str = "", **settings: object
    ) -> Deployment:
        nats = await private_servers.nats(config=nats_config)
        folder, database = tmp_path_factory.mktemp("keys"), f"test_{uuid4().hex}"
        deployment = Deployment(folder, nats.url, mongo, database)
        await deployment.start(count, **settings)
        started.append(deployment)
        return deployment

    yield start
    for deployment in started:
        await deployment.stop()
