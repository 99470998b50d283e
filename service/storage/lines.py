"""Connections of PyMongo's that are kept from one command to the next, each for one at a time.

The driver still makes them, authenticates them, chooses their server, and hears of each failure as
it hears of those of its own calls. For this private parts of it are used: each minor release wants
a look before it is let in (`docs/decisions/0015`).
"""

import asyncio
from collections import deque
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.mongo_client import AsyncMongoClient
from pymongo.asynchronous.pool import AsyncConnection
from pymongo.errors import NetworkTimeout
from pymongo.server_selectors import writable_server_selector
from pymongo.topology_description import TopologyDescription

MOST = 64
"""Commands under way at once; those beyond wait, in the order in which they came."""
_MADE_AT_ONCE = 2
"""Connections that the driver opens at the same time."""


@dataclass(slots=True)
class Line:
    """A connection to the primary, checked out of the driver's pool until something changes."""

    checkout: AbstractAsyncContextManager[AsyncConnection]
    connection: AsyncConnection
    chosen_by: TopologyDescription
    """What was known of the servers when it was chosen."""
    used_at: float = 0.0
    """When it was freed last, by the loop's clock."""


class Lines:
    """The connections to the primary."""

    def __init__(self, client: AsyncMongoClient[Any]) -> None:
        self._client = client
        self._longest_idle = client.options.pool_options.max_idle_time_seconds
        self._idle: list[Line] = []
        self._waiting: deque[asyncio.Future[Line]] = deque()
        self._making: set[asyncio.Task[None]] = set()
        self._count = 0
        """Lines in use, idle and in the making."""
        self._closed = False

    async def take(self, deadline: float) -> Line:
        """A line for one command; who has waited longest gets the next one, freed or made.

        `deadline` is a time of the loop's clock.
        Raises: PyMongoError.
        """
        while True:
            line = self._idle.pop() if self._idle else await self._next_line(deadline)
            if line.connection.conn_closed() or self._is_old(line):
                await self._hang_up(line)
            elif line.chosen_by is self._client.topology_description:
                return line
            else:
                await self.end(line)

    async def free(self, line: Line) -> None:
        """The line may be used for the next command."""
        line.used_at = asyncio.get_running_loop().time()
        if self._closed:
            await self.end(line)
            return
        waiter = self._first_waiting()
        if waiter is None:
            self._idle.append(line)
        else:
            waiter.set_result(line)

    async def end(self, line: Line, error: BaseException | None = None) -> None:
        """Give the connection back, or up; the driver draws its conclusions from the error."""
        self._count -= 1
        self._make_lines()
        await line.checkout.__aexit__(type(error) if error else None, error, None)

    async def close(self) -> None:
        """Give all connections back, those in use when they are done."""
        self._closed = True
        while self._idle:
            await self.end(self._idle.pop())

    async def _next_line(self, deadline: float) -> Line:
        waiter: asyncio.Future[Line] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._make_lines()
        try:
            async with asyncio.timeout_at(deadline):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                await self.free(waiter.result())  # it came too late
            if isinstance(error, TimeoutError):
                raise NetworkTimeout("no connection in time") from None
            raise

    def _first_waiting(self) -> asyncio.Future[Line] | None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():  # else it was cancelled
                return waiter
        return None

    def _make_lines(self) -> None:
        """Make as many as are waited for, within bounds."""
        loop = asyncio.get_running_loop()
        while self._count < MOST and len(self._making) < min(_MADE_AT_ONCE, len(self._waiting)):
            self._count += 1
            task = loop.create_task(self._make_line(), context=Context())
            self._making.add(task)
            task.add_done_callback(self._making.discard)
            task.add_done_callback(lambda _: self._make_lines())

    async def _make_line(self) -> None:
        try:
            line = await self._new_line()
        except Exception as error:  # noqa: BLE001  # it belongs to one of those who wait
            self._count -= 1
            waiter = self._first_waiting()
            if waiter is not None:
                waiter.set_exception(error)
        else:
            await self.free(line)

    async def _hang_up(self, line: Line) -> None:
        try:
            await line.connection.close_conn(None)
        finally:
            await self.end(line)

    def _is_old(self, line: Line) -> bool:
        """Whether the URI's `maxIdleTimeMS` is past."""
        if self._longest_idle is None:
            return False
        return asyncio.get_running_loop().time() - line.used_at > self._longest_idle

    async def _new_line(self) -> Line:
        server = await self._client._select_server(writable_server_selector, None, "command")
        known = self._client.topology_description
        checkout = self._client._checkout(server, None)
        return Line(checkout, await checkout.__aenter__(), known)
