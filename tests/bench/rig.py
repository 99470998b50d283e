"""The servers that all sides share, and the bus as the harness sees it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats
from nats.aio.client import Client

from service.local import start_mongo, start_nats
from tests.bench.cost import MONGOD, NATS_SERVER
from tests.bench.job import UNIQUE, Job, Operation, Result
from tests.bench.plan import filled
from tests.bench.processes import ChildFailedError, output_of

ERROR_CODE = "Nats-Service-Error-Code"
GRACE_SECONDS = 30.0
REQUEST_SECONDS = 5.0
EVENTS_SECONDS = 30.0
LOOK_EVERY = 0.02


@dataclass(frozen=True)
class Delivery:
    """How the events of a load arrived: how long after its last reply, and how many did not."""

    lag: float
    missing: int


@dataclass(frozen=True)
class Rig:
    """A nats-server and a mongod of the benchmark's own, on loopback, and a connection."""

    folder: Path
    nats: str
    mongo: str
    bus: Client
    pids: Mapping[str, int]
    """The servers' processes, by the names of their programs."""

    async def generate(self, job: Job) -> Result:
        """Run a load in a generator's process."""
        within = job.warm_up + job.seconds + job.timeout + GRACE_SECONDS
        output = await output_of(
            "tests.bench.generator", given=job.model_dump_json(), within=within
        )
        return Result.model_validate_json(output)

    async def ask(self, operation: Operation, picks: dict[str, str]) -> Any:
        """Make one request and return the body of its reply."""
        payload = filled(operation.payload, picks | {UNIQUE: uuid4().hex})
        reply = await self.bus.request(
            operation.subject, payload.encode(), REQUEST_SECONDS, headers=operation.headers or None
        )
        if reply.headers and ERROR_CODE in reply.headers:
            raise ChildFailedError(f"{operation.subject} was refused: {reply.data.decode()}")
        return json.loads(reply.data)

    async def events(self, stream: str) -> int:
        """Count the messages that a stream has taken."""
        return int((await self._state(stream))["messages"])

    async def delivery(self, stream: str, expected: int, settled_at: float) -> Delivery:
        """Wait, for so long and no longer, until a stream has as many messages as it should."""
        deadline = time.monotonic() + EVENTS_SECONDS
        while (state := await self._state(stream))["messages"] < expected:
            if time.monotonic() > deadline:
                return Delivery(EVENTS_SECONDS, expected - state["messages"])
            await asyncio.sleep(LOOK_EVERY)
        last = datetime.fromisoformat(state["last_ts"]).timestamp()
        return Delivery(max(0.0, last - settled_at), 0)

    async def _state(self, stream: str) -> dict[str, Any]:
        # Asked by hand: the client's own stream state leaves out when the last message came.
        reply = await self.bus.request(f"$JS.API.STREAM.INFO.{stream}", b"", REQUEST_SECONDS)
        state: dict[str, Any] = json.loads(reply.data)["state"]
        return state


@asynccontextmanager
async def rig(folder: Path) -> AsyncIterator[Rig]:
    """Start the servers, and stop them in the end."""
    async with AsyncExitStack() as opened:
        nats_server = await start_nats(folder, port=0)
        opened.push_async_callback(nats_server.stop)
        mongo = await start_mongo(folder, port=0)
        opened.push_async_callback(mongo.stop)
        bus = await nats.connect(nats_server.url)
        opened.push_async_callback(bus.close)
        pids = {NATS_SERVER: nats_server.pid, MONGOD: mongo.pid}
        yield Rig(folder, nats_server.url, mongo.url, bus, pids)
