"""The job on plain `nats.micro` with Motor: a service endpoint for each operation.

An endpoint awaits its handler before it takes the next request, so the handler starts a task and
returns, as far as a semaphore lets it: without that it would answer one request at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import nats
import orjson
from nats import micro
from nats.micro.request import Request as MicroRequest
from nats.micro.service import Service
from pydantic import BaseModel, ValidationError

from tests.bench.peers.models import CreateUser, GetUser, ListUsers, UpdateUser
from tests.bench.peers.peer import Options, run
from tests.bench.peers.users import Document, Refused, Users

MAX_TASKS = 256

R = TypeVar("R", bound=BaseModel)
Handler = Callable[[MicroRequest], Awaitable[None]]


class Endpoints:
    """Turns the job's methods into handlers that run side by side."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MAX_TASKS)
        self._tasks: set[asyncio.Task[None]] = set()

    def handler(self, model: type[R], work: Callable[[str, R], Awaitable[Document]]) -> Handler:
        """Validate by the model, do the work, answer with what it returns."""

        async def answer(message: MicroRequest) -> None:
            try:
                request = model.model_validate_json(message.data)
                reply = await work(message.subject.split(".")[-2], request)
                await message.respond(orjson.dumps(reply))
            except ValidationError as invalid:
                await message.respond_error("400", "INVALID", invalid.json().encode())
            except Refused as refused:
                await message.respond_error(str(refused.status), refused.code)
            finally:
                self._slots.release()

        async def start(message: MicroRequest) -> None:
            await self._slots.acquire()
            task = asyncio.create_task(answer(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return start


@asynccontextmanager
async def serving(options: Options) -> AsyncIterator[None]:
    """Serve every operation of the job."""
    client = await nats.connect(options.nats)
    stream = client.jetstream()
    await stream.add_stream(name=options.stream, subjects=options.event_subjects)

    async def publish(subject: str, body: bytes, headers: dict[str, str]) -> object:
        return await stream.publish(subject, body, headers=headers)

    async with Users.open(options, publish) as users:
        service = await micro.add_service(client, name=options.name, version="1.0.0")
        await _add_endpoints(service, users, options.name)
        await client.flush()
        try:
            yield
        finally:
            await service.stop()
            await client.close()


async def _add_endpoints(service: Service, users: Users, name: str) -> None:
    endpoints = Endpoints()
    user = service.add_group(name=f"{name}.svc.user.*")
    await user.add_endpoint(name="create", handler=endpoints.handler(CreateUser, users.create))
    await user.add_endpoint(name="update", handler=endpoints.handler(UpdateUser, users.update))
    await user.add_endpoint(name="get", handler=endpoints.handler(GetUser, users.get))
    await user.add_endpoint(name="list", handler=endpoints.handler(ListUsers, users.page))


if __name__ == "__main__":
    run(serving)
