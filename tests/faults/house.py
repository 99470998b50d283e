"""Servers of NATS and MongoDB, and workers, that a test may do anything to; and how to ask them."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client

from service.auth.issuer import Issuer, SigningKeys
from service.auth.scopes import ALL_SCOPES, TokenUse
from service.local import LocalServer
from service.resources import STREAM
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
    nats_members: Sequence[LocalServer]
    mongo_members: Sequence[LocalServer]
    bus: Client
    workers: list[WorkerProcess] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    """What every worker of this house has otherwise than by default."""

    def __post_init__(self) -> None:
        signing = SigningKeys.generate()
        (self.folder / "data.json").write_text(DataKeys.generate().dump())
        (self.folder / "signing.json").write_text(signing.dump())
        self._issuer = Issuer(signing)
        self.token = self.token_of("faults", TokenUse.CLIENT)

    @property
    def nats(self) -> LocalServer:
        """The nats-server, or the first of them."""
        return self.nats_members[0]

    @property
    def mongo(self) -> LocalServer:
        """The mongod, or the first of them; its URL is that of the whole set."""
        return self.mongo_members[0]

    def token_of(self, subject: str, use: TokenUse) -> str:
        """A token that may do everything its kind may."""
        return self._issuer.issue(
            partners=[PARTNER], subject=subject, use=use, scopes=ALL_SCOPES, now=time.time()
        )

    async def two_workers(self, **settings: Any) -> tuple[WorkerProcess, WorkerProcess]:
        """Start two more workers at once."""
        return await asyncio.gather(self.worker(**settings), self.worker(**settings))

    async def worker(self, **settings: Any) -> WorkerProcess:
        """Start one more worker. It sweeps sooner than by default, so that a test is not long."""
        everything = (
            {
                "nats_url": ",".join(server.url for server in self.nats_members),
                "mongo_uri": self.mongo.url,
                "mongo_database": DATABASE,
                "keys_dir": self.folder,
                "sweep_seconds": 0.5,
                "sweep_age_seconds": 1,
            }
            | self.settings
            | settings
        )
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
        for server in (*self.nats_members, *self.mongo_members):
            server.kill()


async def connected(*urls: str) -> Client:
    """A client that connects anew for as long as the test goes on."""

    async def ignore(_: Exception) -> None:
        """Do without the client's own log: that the server is gone is no news here."""

    return await nats.connect(
        list(urls), max_reconnect_attempts=-1, reconnect_time_wait=0.05, error_cb=ignore
    )
