"""The job on FastStream with Motor: a subscriber for each operation, its workers tuned.

FastStream runs one handler at a time unless it is given `max_workers`. Its logging of each message
is off, as one would have it in production. Faults of validation it does not answer at all.
"""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from faststream.nats import NatsBroker, NatsResponse

from tests.bench.peers.models import CreateUser, GetUser, ListUsers, UpdateUser
from tests.bench.peers.peer import Options, run
from tests.bench.peers.users import Document, Refused, Users

MAX_WORKERS = 256
PUBLISH_SECONDS = 5.0


@asynccontextmanager
async def serving(options: Options) -> AsyncIterator[None]:
    """Serve every operation of the job."""
    broker = NatsBroker(options.nats, logger=None)
    client = await broker.connect()
    await client.jetstream().add_stream(name=options.stream, subjects=options.event_subjects)

    async def publish(subject: str, body: bytes, headers: dict[str, str]) -> object:
        return await broker.publish(
            body, subject, headers, stream=options.stream, timeout=PUBLISH_SECONDS
        )

    async with Users.open(options, publish) as users:
        _subscribe(broker, users, f"{options.name}.svc.user")
        await broker.start()
        try:
            yield
        finally:
            await broker.stop()


def _subscribe(broker: NatsBroker, users: Users, prefix: str) -> None:
    def partner() -> str:
        # As a parameter, `Path()` or the message costs a hop to a thread: a third of all gets.
        return str(broker.context.get("message").path["partner"])

    @broker.subscriber(f"{prefix}.{{partner}}.create", "peer", max_workers=MAX_WORKERS)
    async def create(request: CreateUser) -> Any:
        return await _answer(users.create(partner(), request))

    @broker.subscriber(f"{prefix}.{{partner}}.update", "peer", max_workers=MAX_WORKERS)
    async def update(request: UpdateUser) -> Any:
        return await _answer(users.update(partner(), request))

    @broker.subscriber(f"{prefix}.{{partner}}.get", "peer", max_workers=MAX_WORKERS)
    async def get(request: GetUser) -> Any:
        return await _answer(users.get(partner(), request))

    @broker.subscriber(f"{prefix}.{{partner}}.list", "peer", max_workers=MAX_WORKERS)
    async def list_users(request: ListUsers) -> Any:
        return await _answer(users.page(partner(), request))


async def _answer(work: Awaitable[Document]) -> bytes | NatsResponse:
    try:
        return orjson.dumps(await work)  # FastStream's own encoding takes a fifth of all gets.
    except Refused as refused:
        return NatsResponse(b"", headers=refused.headers)


if __name__ == "__main__":
    run(serving)
