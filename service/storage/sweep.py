"""The sweep: what a crash, a full buffer or a long outage left in outboxes goes to the relay."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta

import structlog

from service.problems import Unavailable
from service.storage.kind import EPOCH, Kind
from service.storage.mongo import Mongo
from service.storage.outbox import Pending, pending_of
from service.storage.side_by_side import all_ended

log = structlog.get_logger()

_PAGE = 500

Deliver = Callable[[Iterable[Pending]], Awaitable[None]]


class Sweep:
    """Looks for old outbox entries; any number of workers may, the relay makes doubles harmless."""

    def __init__(
        self,
        mongo: Mongo,
        kinds: Sequence[Kind],
        deliver: Deliver,
        clock: Callable[[], datetime],
        interval: float,
        age: float,
    ) -> None:
        """`interval` is the seconds between two looks, `age` what an entry has to be old."""
        self._mongo = mongo
        self._kinds = kinds
        self._deliver = deliver
        self._clock = clock
        self._interval = interval
        self._age = timedelta(seconds=age)
        self.found = 0
        """Aggregates found with old entries since the start."""

    async def run(self) -> None:
        """Sweep for ever."""
        await again_and_again(self.once, self._interval)

    async def once(self) -> None:
        """Deliver what is old in all collections, none of which waits for another.

        Raises: Unavailable.
        """
        before = self._clock() - self._age
        await all_ended(self._sweep(kind, before) for kind in self._kinds)

    async def _sweep(self, kind: Kind, before: datetime) -> None:
        """Deliver what is from before that time, page by page while that gets somewhere.

        What becomes old meanwhile is for the next sweep: else this one might never end.
        """
        seen: set[str] = set()
        while True:
            pending = await self._old(kind, before)
            ids = {each.id for each in pending}
            if not ids or ids <= seen:
                return
            self.found += len(ids - seen)
            log.info("sweep", collection=kind.collection, aggregates=len(ids))
            await self._deliver(pending)
            seen = ids

    async def _old(self, kind: Kind, before: datetime) -> list[Pending]:
        # At majority: what could still be rolled back must not be published.
        found = await self._mongo.find(
            kind.collection,
            {"outbox.at": {"$gt": EPOCH, "$lt": before}},
            {"partner": True, "outbox": True, "stream_seq": True},
            limit=_PAGE,
            majority=True,
        )
        return [pending_of(kind.collection, each) for each in found if each["outbox"]]


async def again_and_again(sweep: Callable[[], Awaitable[None]], interval: float) -> None:
    """Sweep for ever, at uneven intervals, so that workers do not sweep in step."""
    while True:
        await asyncio.sleep(interval * random.uniform(0.5, 1.5))  # noqa: S311  # jitter, no secret
        try:
            await sweep()
        except Unavailable:
            continue
        except Exception as error:  # noqa: BLE001  # whatever it was, the next one may succeed
            log.error("sweep_failed", error=type(error).__name__)
