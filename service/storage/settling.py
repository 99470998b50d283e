"""Settling: what the stream has acknowledged goes into the event log, then out of the outbox."""

import asyncio
from collections.abc import Callable, Iterable
from contextvars import Context
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import structlog

from service.problems import Unavailable
from service.storage import statements
from service.storage.batches import EVENT_LOG
from service.storage.errors import Duplicate
from service.storage.event_log import line_of
from service.storage.mongo import Mongo
from service.storage.outbox import Entry
from service.storage.side_by_side import all_ended

log = structlog.get_logger()

_MOST = 500
_PACE = 0.01
_PAUSE = 0.5


@dataclass(slots=True)
class Acknowledged:
    """An event that the stream has."""

    collection: str
    id: str
    partner: str
    entry: Entry
    seq: int | None
    """Its sequence there, where it is known."""


class Settler:
    """Works in rounds: what is acknowledged during one round is settled in the next."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._waiting: list[tuple[Acknowledged, Callable[[], None]]] = []
        self._running: asyncio.Task[None] | None = None

    def add(self, acknowledged: Acknowledged, done: Callable[[], None]) -> None:
        """Settle an event soon, then call `done`. Until it is settled it is tried again."""
        self._waiting.append((acknowledged, done))
        if self._running is None:
            loop = asyncio.get_running_loop()
            self._running = loop.create_task(self._run(), context=Context())

    async def left_in_outbox(self, collection: str, id: str) -> frozenset[str]:
        """The ids of the events that wait in an aggregate's outbox.

        Raises: Unavailable.
        """
        found = await self._mongo.find(collection, {"_id": id}, {"outbox.id": True}, limit=1)
        return frozenset(entry["id"] for document in found for entry in document["outbox"])

    async def _run(self) -> None:
        try:
            while self._waiting:
                # Of replies only an erasure's waits for this: later, more share the round trips.
                await asyncio.sleep(_PACE)
                batch = self._waiting[:_MOST]
                try:
                    await self._round([acknowledged for acknowledged, _ in batch])
                except Exception as error:  # noqa: BLE001  # what is acknowledged is not dropped
                    if not isinstance(error, Unavailable):
                        log.error("settling_failed", error=type(error).__name__)
                    await asyncio.sleep(_PAUSE)
                    continue
                del self._waiting[: len(batch)]
                for _, done in batch:
                    done()
        finally:
            self._running = None

    async def _round(self, batch: list[Acknowledged]) -> None:
        # The log first: whoever finds an event in neither may be sure that it never was.
        lines = [
            line_of(
                each.entry,
                partner=each.partner,
                collection=each.collection,
                aggregate_id=each.id,
            )
            for each in batch
        ]
        refused = await self._mongo.insert(EVENT_LOG, lines)
        for error in refused.values():
            if not isinstance(error, Duplicate):  # in the log already: another worker was here
                raise error
        # Side by side: after a mixed load a round would else be a write for each collection long.
        await all_ended(
            self._clear(collection, events) for collection, events in _by_collection(batch)
        )

    async def _clear(self, collection: str, events: list[Acknowledged]) -> None:
        reached: dict[str, statements.Reached | None] = {}
        for event in events:
            reached.setdefault(event.id, None)
            if event.seq is not None:
                reached[event.id] = (event.seq, event.entry["version"])
        query, pipeline = statements.clearings(reached, [e.entry["id"] for e in events])
        await self._mongo.update_all(collection, query, pipeline)


def _by_collection(events: Iterable[Acknowledged]) -> Iterable[tuple[str, list[Acknowledged]]]:
    key = attrgetter("collection")
    return [(name, list(group)) for name, group in groupby(sorted(events, key=key), key)]
