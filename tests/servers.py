"""The servers that the tests run on: given by URL, else in containers, else as child processes.

The children come from `service.local`: found on PATH, or from the wheels in `requirements/dev.txt`.
"""

import asyncio
import functools
import os
import warnings
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from docker.errors import DockerException, ImageNotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from service.local import GivenServer, LocalServer, LocalServerError, start_mongo, start_nats
from service.local.mongo import MONGOD, primary_missing
from service.local.nats import NATS_SERVER, greeting_missing
from service.local.ports import LOOPBACK, free_port, listens
from service.local.server import Plan
from service.local.sources import Program, find_source
from tests.eventually import eventually


@dataclass(frozen=True)
class Kind:
    """What differs between the two servers."""

    title: str
    fixture: str
    variable: str
    program: Program
    port: int
    arguments: str
    url: str
    obstacle: Callable[[str, int], Awaitable[str | None]]
    start: Callable[[Path], Awaitable[LocalServer]]


NATS = Kind(
    title="NATS",
    fixture="nats_url",
    variable="SVC_USER_TEST_NATS_URL",
    program=NATS_SERVER,
    port=4222,
    arguments="--jetstream",
    url="nats://{}:{}",
    obstacle=greeting_missing,
    start=lambda folder: start_nats(folder, port=0),
)
MONGO = Kind(
    title="MongoDB",
    fixture="mongo_uri",
    variable="SVC_USER_TEST_MONGO_URI",
    program=MONGOD,
    port=27017,
    arguments="--replSet rs0 --bind_ip_all --setParameter transactionLifetimeLimitSeconds=1",
    # The set's own idea of its address is right inside the container only: so not by its name.
    url="mongodb://{}:{}/?directConnection=true",
    obstacle=lambda host, port: primary_missing(host, port, member="localhost:27017"),
    start=lambda folder: start_mongo(folder, port=0),
)
KINDS = (NATS, MONGO)


class ContainerServer:
    """A server in a container of testcontainers."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._container = DockerContainer(kind.program.image)
        self._container.with_command(kind.arguments).with_exposed_ports(kind.port)
        self.url = ""

    async def start(self) -> None:
        """Start the container and return when the server in it serves."""
        # The reaper is one more image to get, and only needed when this process is killed.
        if not has_image(testcontainers_config.ryuk_image):
            testcontainers_config.ryuk_disabled = True
        await asyncio.to_thread(self._container.start)
        host = self._container.get_container_host_ip()
        port = self._container.get_exposed_port(self._kind.port)

        async def serves() -> bool:
            self._container.reload()
            assert self._container.status == "running", self._container.get_logs()
            return await self._kind.obstacle(host, port) is None

        await eventually(serves, within=60, what=f"{self._kind.title} in a container serves")
        self.url = self._kind.url.format(host, port)

    async def stop(self) -> None:
        await asyncio.to_thread(self._container.stop)


Server = GivenServer | ContainerServer | LocalServer


async def start_server(kind: Kind, folder: Path) -> Server:
    """Get a server of the kind for the whole run."""
    given = os.environ.get(kind.variable)
    if given:
        return GivenServer(given)
    if has_image(kind.program.image):
        container = ContainerServer(kind)
        try:
            await container.start()
        except Exception as error:  # noqa: BLE001 - whatever ails Docker, the tests need not have it
            await container.stop()
            warnings.warn(f"{kind.title} does not start in a container: {error}", stacklevel=1)
        else:
            return container
    return await kind.start(folder)


def describe(kind: Kind) -> str:
    """Say which server of the kind the tests will run on."""
    if os.environ.get(kind.variable):
        return f"{kind.title}: {kind.variable}"
    if has_image(kind.program.image):
        return f"{kind.title}: testcontainers, image {kind.program.image}"
    try:
        return f"{kind.title}: {find_source(kind.program).origin}"
    except LocalServerError as error:
        return f"{kind.title}: none. {error}"


@functools.cache
def has_image(image: str) -> bool:
    """Tell whether a Docker engine answers that has the image, or can get it."""
    try:
        client = DockerClient().client
        try:
            client.images.get(image)
        except ImageNotFound:
            client.images.pull(image)
    except DockerException:
        return False
    return True


class PrivateServers:
    """Servers of one test, which it may kill, freeze and restart; each has data of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[LocalServer] = []

    async def nats(self, *, config: str = "") -> LocalServer:
        """Start a nats-server, the text added to its configuration."""
        return self._keep(await start_nats(self._next_folder(), port=0, config=config))

    async def mongo(self, *, arguments: Sequence[str] = ()) -> LocalServer:
        """Start a mongod, with further arguments of its command line."""
        return self._keep(await start_mongo(self._next_folder(), port=0, arguments=arguments))

    async def standalone_mongo(self, *, arguments: Sequence[str] = ()) -> LocalServer:
        """Start a mongod that is in no replica set."""
        source = await asyncio.to_thread(find_source, MONGOD)
        folder, port = self._next_folder(), free_port()
        place = ("--dbpath", str(folder / "data"), "--port", str(port), "--bind_ip", source.address)

        async def obstacle() -> str | None:
            return None if await listens(LOOPBACK, port) else "nobody answers"

        server = LocalServer(
            Plan(
                program=MONGOD,
                source=source,
                arguments=(*place, "--nounixsocket", *arguments),
                folder=folder,
                port=port,
                url=f"mongodb://{LOOPBACK}:{port}/",
                prepare=functools.partial((folder / "data").mkdir, exist_ok=True),
                obstacle=obstacle,
            )
        )
        await server.start()
        return self._keep(server)

    def kill(self) -> None:
        """End them all, without ceremony: nobody wants their data any more."""
        for server in self._started:
            server.kill()

    def _keep(self, server: LocalServer) -> LocalServer:
        self._started.append(server)
        return server

    def _next_folder(self) -> Path:
        return self._folder / f"server-{len(self._started) + 1}"
