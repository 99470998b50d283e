"""Natural batching: what arrives while a round trip is under way leaves together in the next.

A driver call costs 200 to 400 µs of Python, so at a hundred in flight it is *the* cost. There is no
timer: alone in flight, a request waits for nobody.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from service.problems import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST = 256
"""Items in one round trip. Beyond it a batch only gets slower, and its time limit nearer."""


class Coalescer(Generic[Item, Result]):
    """Turns single items into batches, and a batch's outcome back into each item's own.

    `flush` gets the items of one batch and gives, in their order, each one's result or exception.
    """

    def __init__(
        self,
        flush: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        most: int = MOST,
    ) -> None:
        self._flush = flush
        self._most = most
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Add the item to the next batch.

        The future raises what `flush` gave for the item; Unavailable when the batch before it
        found MongoDB out of reach, since nobody should wait for two time limits.
        """
        if self._loop is None:  # once: to ask for it costs a system call
            self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = self._loop.create_future()
        self._waiting.append((item, future))
        if self._running is None:
            self._running = self._loop.create_task(self._run())
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._one_batch()
        finally:
            self._running = None

    async def _one_batch(self) -> None:
        size = min(self._most, len(self._waiting))
        batch = [self._waiting.popleft() for _ in range(size)]
        try:
            results = await self._flush([item for item, _ in batch])
        except Unavailable:
            batch += self._waiting
            self._waiting.clear()
            results = [Unavailable() for _ in batch]
        except Exception as error:  # noqa: BLE001  # it belongs to those who wait
            results = [error for _ in batch]
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue  # the caller has gone
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
