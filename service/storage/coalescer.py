"""Natural batching: what arrives while a round trip is under way leaves together in the next.

A driver call costs 200 to 400 µs of Python, so at a hundred in flight it is *the* cost. There is no
timer: alone in flight, a request waits for nobody.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from opentelemetry.trace import Span

from service.problems import Unavailable
from service.storage.tally import Tally
from service.tracing import PLACE, end

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST = 256
"""Items in one round trip. Beyond it a batch only gets slower, and its time limit nearer."""


class Coalescer(Generic[Item, Result]):
    """Turns single items into batches, and a batch's outcome back into each item's own.

    `flush` gets the items of one batch and gives, in their order, each one's result or exception.

    In a trace each request has a span for its own wait, from `submit` to its result. A span of the
    batch could be in the trace of one of its requests only, and sampled as that one is.
    """

    def __init__(
        self,
        flush: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        most: int = MOST,
        tally: Tally | None = None,
    ) -> None:
        """`tally` is where the batches are counted, and how they are called in traces."""
        self._flush = flush
        self._most = most
        self._tally = tally or Tally()
        self._waiting: deque[tuple[Item, asyncio.Future[Result], Span | None]] = deque()
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
        place = PLACE.get()
        span = None
        if place is not None:
            span = place.begin(self._tally.operation, self._tally.collection)
        self._waiting.append((item, future, span))
        if self._running is None:
            # In a context of its own: the batches are not this request's alone.
            self._running = self._loop.create_task(self._run(), context=Context())
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
        began = time.perf_counter_ns()
        try:
            results = await self._flush([item for item, _, _ in batch])
        except Unavailable:
            batch += self._waiting
            self._waiting.clear()
            results = [Unavailable() for _ in batch]
        except Exception as error:  # noqa: BLE001  # it belongs to those who wait
            results = [error for _ in batch]
        self._tally.sizes.add(size)
        self._tally.durations.add(time.perf_counter_ns() - began)
        for (_, future, span), result in zip(batch, results, strict=True):
            if span is not None:
                span.set_attribute("db.operation.batch.size", size)
                end(span, result if isinstance(result, Exception) else None)
            if future.done():
                continue  # the caller has gone
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
