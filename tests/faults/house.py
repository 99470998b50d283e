"""A nats-server, a mongod and workers that a test may do anything to; and a way to ask them."""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client

from service.app import STREAM
from service.auth.issuer import Issuer, SigningKeys
from service.auth.scopes import ALL_SCOPES, TokenUse
from service.local import LocalServer
from service.storage.sealing import DataKeys
from tests.faults.workers import WorkerProcess

PARTNER = "acme"
DATABASE = "svc_user"
WINDOW_SECONDS = 0.1
"""The least that a stream may be told to remember the ids of its messages for."""


@dataclass
class House:
    """What a partner's requests go through, each part a process that can die."""

    folder: Path
    nats: LocalServer
    mongo: LocalServer
    bus: Client
    workers: list[WorkerProcess] = field(default_factory=list)

    def __post_init__(self) -> None:
        signing = SigningKeys.generate()
        (self.folder / "data.json").write_text(DataKeys.generate().dump())
        (self.folder / "signing.json").write_text(signing.dump())
        self.token = Issuer(signing).issue(
            partners=[PARTNER],
            subject="faults",
            use=TokenUse.CLIENT,
            scopes=ALL_SCOPES,
            now=time.time(),
        )

    async def two_workers(self, **settings: Any) -> tuple[WorkerProcess, WorkerProcess]:
        """Start two more workers at once."""
        return await asyncio.gather(self.worker(**settings), self.worker(**settings))

    async def worker(self, **settings: Any) -> WorkerProcess:
        """Start one more worker. It sweeps sooner than by default, so that a test is not long."""
        everything = {
            "nats_url": self.nats.url,
            "mongo_uri": self.mongo.url,
            "mongo_database": DATABASE,
            "keys_dir": self.folder,
            "sweep_seconds": 0.5,
            "sweep_age_seconds": 1,
        } | settings
        worker = WorkerProcess(
            self.folder / f"worker-{len(self.workers) + 1}",
            {f"SVC_USER_{name.upper()}": str(value) for name, value in everything.items()},
        )
        self.workers.append(worker)
        await worker.start()
        return worker

    async def forget_message_ids(self) -> None:
        """Make the stream know a message's id for so short a time that it refuses no repetition.

        To be asked for when all workers have started: each sets the stream up as it should be.
        """
        jetstream = self.bus.jetstream()
        config = (await jetstream.stream_info(STREAM)).config
        await jetstream.update_stream(config.evolve(duplicate_window=WINDOW_SECONDS))

    async def window_passes(self) -> None:
        """Wait until the stream has forgotten the ids of what it has."""
        await asyncio.sleep(3 * WINDOW_SECONDS)

    async def close(self) -> None:
        """End everything, without ceremony."""
        await self.bus.close()
        for worker in self.workers:
            worker.kill()
        for server in (self.nats, self.mongo):
            server.kill()


async def connected(url: str) -> Client:
    """A client that connects anew for as long as the test goes on."""

    async def ignore(_: Exception) -> None:
        """Do without the client's own log: that the server is gone is no news here."""

    return await nats.connect(
        url, max_reconnect_attempts=-1, reconnect_time_wait=0.05, error_cb=ignore
    )
