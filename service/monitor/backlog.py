"""The backlog: how many aggregates have events that wait for the stream, and for how long.

Looked at by the worker at its own pace, never for a scrape. The partial index `outbox` holds only
what waits, so nothing to find costs next to nothing. Every worker looks for itself, and all of them
find the same.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from service.problems import Unavailable
from service.storage.kind import EPOCH, OUTBOX_INDEX, Kind
from service.storage.mongo import Mongo

log = structlog.get_logger()

MOST = 10_000
"""What is counted at most: more is only known to be more."""

_EVERY = 5.0
_WAITS = {"outbox.at": {"$gt": EPOCH}}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one collection."""

    aggregates: int
    oldest: float
    """Seconds for which the oldest event has waited."""


class Backlog:
    """What waits in all collections, as of the last look."""

    def __init__(self, mongo: Mongo, kinds: Sequence[Kind], clock: Callable[[], datetime]) -> None:
        self.found: Mapping[str, Waiting] = {}
        """By collection; empty when the last look failed, so that nothing old is told as new."""
        self._mongo = mongo
        self._kinds = kinds
        self._clock = clock

    async def watch(self) -> None:
        """Look, for ever."""
        while True:
            try:
                await self.look()
            except Unavailable:
                self.found = {}
            except Exception as error:  # noqa: BLE001  # whatever it was, the next one may succeed
                self.found = {}
                log.error("backlog_failed", error=type(error).__name__)
            await asyncio.sleep(_EVERY * random.uniform(0.5, 1.5))  # noqa: S311  # jitter, no secret

    async def look(self) -> None:
        """Look once.

        Raises: Unavailable.
        """
        self.found = {kind.collection: await self._waiting(kind) for kind in self._kinds}

    async def _waiting(self, kind: Kind) -> Waiting:
        # Without a sort: the index gives the oldest first as it is. To sort by what is in arrays,
        # MongoDB would read all of them.
        found = await self._mongo.find(
            kind.collection, _WAITS, {"outbox.at": True}, limit=1, hint=OUTBOX_INDEX
        )
        entries = [entry for document in found for entry in document["outbox"]]
        if not entries:
            return Waiting(0, 0.0)
        oldest = min(entry["at"] for entry in entries)
        count = await self._mongo.count(kind.collection, _WAITS, hint=OUTBOX_INDEX, most=MOST)
        return Waiting(count, max(0.0, (self._clock() - oldest).total_seconds()))
