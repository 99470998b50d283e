"""Workers that die in the middle of a request, by a signal that nobody can catch.

A module of this sort says how to make its process die at a moment, and calls `fork_workers`. That
forks, for each moment that it reads, a worker that dies there; says `ready` when that takes
requests, and `dead` when it is gone. A fork spares each of them the time to load Python.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Any

import orjson
import pytest

from service.app import Worker
from service.local.guard import guarded
from service.settings import read_settings
from tests.client import Partner
from tests.deployment import Deployment
from tests.servers import PrivateServers


def die(*_: Any, **__: Any) -> None:
    """End this process as a crash would."""
    os.kill(os.getpid(), signal.SIGKILL)


async def serve(parent: int) -> None:
    """Serve until the end, or until the test is gone."""
    await Worker(read_settings()).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while os.getppid() == parent:  # noqa: ASYNC110  # that it is gone is no event
        await asyncio.sleep(0.1)


def fork_workers(doom: Callable[[str], None]) -> None:
    """Fork a worker for each line, which is the moment of its death."""
    parent = os.getpid()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            doom(line.strip())
            asyncio.run(serve(parent))
            os._exit(1)
        os.waitpid(child, 0)
        sys.stdout.write("dead\n")
        sys.stdout.flush()


class Doomed:
    """Workers on a NATS server of their own, one after another; each dies in its first request."""

    def __init__(self, process: Process, deployment: Deployment) -> None:
        self._process = process
        self._deployment = deployment

    async def killed_in(
        self, partner: Partner, title: str, body: Any, key: str, moment: str
    ) -> None:
        """Let a worker die at this moment of the request."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{moment}\n".encode())
        await self._said("ready")
        headers = {"Authorization": f"Bearer {partner.all_rights}", "Idempotency-Key": key}
        subject = partner.subject(title)
        # Without a reply subject: nobody will be there to answer.
        await self._deployment.nats.publish(subject, orjson.dumps(body), headers=headers)
        await self._said("dead")

    async def _said(self, word: str) -> None:
        assert self._process.stdout is not None
        while line := await asyncio.wait_for(self._process.stdout.readline(), 20):
            if line.strip() == word.encode():
                return
        pytest.fail(f"the process that forks workers has ended before it said {word}")


@asynccontextmanager
async def doomed_workers(
    module: str, deployment: Deployment, settings: dict[str, str]
) -> AsyncIterator[Doomed]:
    """The process that forks them, which runs this module."""
    process = await asyncio.create_subprocess_exec(
        *guarded([sys.executable, "-m", module], SIGKILL),
        env=os.environ | {f"SVC_USER_{name.upper()}": value for name, value in settings.items()},
        stdin=PIPE,
        stdout=PIPE,
    )
    yield Doomed(process, deployment)
    process.kill()
    await process.wait()


@asynccontextmanager
async def doomed_ward(
    module: str,
    servers: PrivateServers,
    mongo_uri: str,
    database: str,
    folder: Path,
    *,
    apart: bool,
) -> AsyncIterator[tuple[Deployment, Doomed]]:
    """A deployment without workers, and workers for its database that are going to die.

    Apart, on another NATS server, the doomed alone get what is meant for them.
    """
    nats = await servers.nats()
    elsewhere = await servers.nats() if apart else nats
    deployment = Deployment(folder, nats.url, mongo_uri, database)
    await deployment.start(0)
    bus = Deployment(folder, elsewhere.url, mongo_uri, database)
    bus.signing_keys = deployment.signing_keys
    settings = {
        "nats_url": elsewhere.url,
        "mongo_uri": mongo_uri,
        "mongo_database": database,
        "keys_dir": str(folder),
        "log_level": "error",
    }
    (folder / "signing.json").write_text(deployment.signing_keys.dump())
    await bus.start(0)
    async with doomed_workers(module, bus, settings) as doomed:
        yield deployment, doomed
    await bus.stop()
    await deployment.stop()
