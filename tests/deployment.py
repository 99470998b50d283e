"""Workers of the service in this process, with a database and keys of their own."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import nats
from nats.aio.client import Client
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from service.app import Worker
from service.auth.issuer import DEFAULT_TTL, Issuer, SigningKeys
from service.auth.scopes import ALL_SCOPES, TokenUse
from service.monitor.traces import Traces
from service.settings import read_settings
from service.storage.sealing import DataKeys

Document = dict[str, Any]


class Deployment:
    """Workers that share a NATS server, a database and keys; and a client to ask them with."""

    def __init__(self, folder: Path, nats_url: str, mongo_uri: str, database: str) -> None:
        self.signing_keys = SigningKeys.generate()
        (folder / "data.json").write_text(DataKeys.generate().dump())
        (folder / "signing.json").write_text(self.signing_keys.dump())
        self._settings = {
            "nats_url": nats_url,
            "mongo_uri": mongo_uri,
            "mongo_database": database,
            "keys_dir": folder,
        }
        self.keys_dir = folder
        self.nats_url = nats_url
        self.mongo_uri = mongo_uri
        self.nats: Client
        self.workers: list[Worker] = []
        self._mongo = AsyncMongoClient[Document](mongo_uri, tz_aware=True)
        self._database = database

    async def start(self, count: int = 1, **settings: Any) -> None:
        """Start workers, all with these settings, and connect the client."""
        for _ in range(count):
            await self.add_worker(**settings)
        self.nats = await nats.connect(self.nats_url)

    async def add_worker(self, traces: Traces | None = None, **settings: Any) -> Worker:
        """Start one more worker."""
        worker = Worker(read_settings(**self._settings, **settings), traces=traces)
        await worker.start()
        self.workers.append(worker)
        return worker

    async def stop_worker(self, worker: Worker) -> None:
        """Stop one of them in good order."""
        self.workers.remove(worker)
        await worker.stop()

    async def stop(self) -> None:
        """Stop them all, and drop what they kept."""
        await self.nats.close()
        for worker in self.workers:
            await worker.stop()
        await self._mongo.drop_database(self._database)
        await self._mongo.close()

    @property
    def worker(self) -> Worker:
        """The only worker, or the first."""
        return self.workers[0]

    @property
    def answered(self) -> list[int]:
        """How many requests each worker has answered."""
        return [sum(each.requests for each in w.server.endpoints) for w in self.workers]

    @property
    def database(self) -> AsyncDatabase[Document]:
        """What the workers keep, past all of their code."""
        return self._mongo[self._database]

    def token(
        self,
        *partners: str,
        subject: str = "tests",
        use: TokenUse = TokenUse.CLIENT,
        scopes: Iterable[str] = ALL_SCOPES,
        domain: str | None = None,
        now: float | None = None,
        ttl: float = DEFAULT_TTL,
    ) -> str:
        """A token of the workers' own issuer."""
        return Issuer(self.signing_keys).issue(
            partners=partners,
            subject=subject,
            use=use,
            scopes=scopes,
            now=time.time() if now is None else now,
            ttl=ttl,
            domain=domain,
        )


class Deploy(Protocol):
    """Starts a deployment for one test."""

    async def __call__(
        self, count: int = 1, *, mongo: str = ..., nats_config: str = "", **settings: Any
    ) -> Deployment: ...
