"""A nats-server cluster of three, a mongod replica set of three, three workers: to break at will.

Between the workers and each server stands a proxy of the tests' own. The mongods know each other by
their proxies too, since a driver goes by the addresses that the set tells it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nats.errors import Error as NatsError
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from service.auth.scopes import ALL_SCOPES
from service.local import LocalServer, start_mongo, start_nats
from service.local.ports import LOOPBACK, free_port
from service.resources import STREAM
from service.storage.mongo import Mongo
from service.tokens.clients import Clients
from tests.eventually import eventually
from tests.faults.disk import Disk, NoDisk
from tests.faults.house import DATABASE, PARTNER, House, connected
from tests.faults.proxy import Proxy

MEMBERS = 3
DISK_MEBIBYTES = 512


@dataclass
class Cluster:
    """The house with all that stands around it."""

    house: House
    nats_proxies: list[Proxy]
    mongo_proxies: list[Proxy]
    disks: list[Disk] = field(default_factory=list)
    """One of each nats-server; none where none can be mounted."""

    async def primary(self) -> int:
        """Which mongod is the primary."""

        async def found() -> list[int]:
            said = await asyncio.gather(*(_hello(each) for each in self.house.mongo_members))
            return [n for n, hello in enumerate(said) if hello.get("isWritablePrimary")]

        # A primary that was frozen may not know yet that it is none any more.
        [number] = await eventually(found, within=60, what="one mongod is the primary")
        return number

    async def leader(self) -> int:
        """Which nats-server leads the stream."""

        async def found() -> str | None:
            with suppress(NatsError):
                info = await self.house.bus.jetstream().stream_info(STREAM)
                return info.cluster.leader if info.cluster else None
            return None

        name = str(await eventually(found, within=60, what="the stream has a leader"))
        return int(name.removeprefix("n"))

    async def client(self) -> tuple[str, str]:
        """A client of the partner, who may ask for tokens: its id and its secret."""
        mongo = Mongo(self.house.mongo.url, DATABASE)
        try:
            clients = Clients(mongo)
            return await clients.add(PARTNER, "faults", ALL_SCOPES, None, datetime.now(UTC))
        finally:
            await mongo.close()


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Start everything, and end it without ceremony."""
    async with AsyncExitStack() as opened:
        disks = _disks(folder, opened)
        nats_members = await _nats_members(folder)
        opened.callback(_kill, nats_members)
        mongo_ports = [free_port() for _ in range(MEMBERS)]
        mongo_proxies = [await _proxy(port, opened) for port in mongo_ports]
        mongo_members = await _mongo_members(folder, mongo_ports, mongo_proxies)
        opened.callback(_kill, mongo_members)
        nats_proxies = [await _proxy(server.port, opened) for server in nats_members]
        bus = await connected(*(server.url for server in nats_members))
        await _jetstream_ready(bus)
        settings = {
            "nats_url": ",".join(proxy.url for proxy in nats_proxies),
            "stream_replicas": MEMBERS,
        }
        house = House(folder, nats_members, mongo_members, bus, settings=settings)
        opened.push_async_callback(house.close)
        await house.worker()
        await house.two_workers()
        yield Cluster(house, nats_proxies, mongo_proxies, disks)


async def _nats_members(folder: Path) -> list[LocalServer]:
    routes = [free_port() for _ in range(MEMBERS)]
    urls = ", ".join(f'"nats://{LOOPBACK}:{port}"' for port in routes)
    # A client that was told of the other members' own addresses would go past the proxies.
    configs = [
        f'server_name: n{number}\ncluster {{ name: faults, listen: "{LOOPBACK}:{port}", '
        f"no_advertise: true, routes: [{urls}] }}\n"
        for number, port in enumerate(routes)
    ]
    return await asyncio.gather(
        *(
            start_nats(folder / f"n{number}", port=0, config=config)
            for number, config in enumerate(configs)
        )
    )


async def _mongo_members(folder: Path, ports: list[int], proxies: list[Proxy]) -> list[LocalServer]:
    addresses = [proxy.address for proxy in proxies]
    return await asyncio.gather(
        *(
            start_mongo(folder / f"m{number}", port=port, members=addresses, founds=number == 0)
            for number, port in enumerate(ports)
        )
    )


def _disks(folder: Path, opened: AsyncExitStack) -> list[Disk]:
    disks = []
    for number in range(MEMBERS):
        try:
            disks.append(Disk(folder / f"n{number}" / "nats" / "data", DISK_MEBIBYTES))
        except NoDisk:
            return []
        opened.callback(disks[-1].unmount)
    return disks


async def _proxy(port: int, opened: AsyncExitStack) -> Proxy:
    proxy = Proxy(port)
    await proxy.start()
    opened.push_async_callback(proxy.stop)
    return proxy


async def _jetstream_ready(bus: Any) -> None:
    async def answers() -> bool:
        with suppress(NatsError):
            await bus.jetstream(timeout=1).account_info()
            return True
        return False

    await eventually(answers, within=60, what="JetStream has a leader")


async def _hello(server: LocalServer) -> dict[str, Any]:
    if not server.alive:
        return {}
    async with AsyncMongoClient[dict[str, Any]](
        LOOPBACK, server.port, directConnection=True, timeoutMS=1_000
    ) as client:
        try:
            hello: dict[str, Any] = await client.admin.command("hello")
        except PyMongoError:
            return {}
        return hello


def _kill(servers: list[LocalServer]) -> None:
    for server in servers:
        server.kill()
