"""Replaying: what the event log has and the stream has not goes into the stream again.

Each aggregate by itself, its events in the order of its versions, each expecting the one before it
as the last, as the relay publishes them. What the stream has already stays, so that a replay can be
cut off anywhere and begun again. Where the stream has a later event without an earlier one, what it
has of the aggregate is taken out first: the order counts more than the place.

Afterwards the aggregate's document says which sequence its last event has in this stream. One that
still named a sequence of the stream that was lost could meet the same number here by chance, and an
event would be told twice.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from schemas.event import CONTENT_TYPE
from service.bus.stream import OUT_OF_TURN, EventStream, subjects_of
from service.storage import statements
from service.storage.event_log import EventLog, by_aggregate
from service.storage.mongo import Document, Mongo
from service.storage.outbox import subject_of

_PAGE = 500
_AT_ONCE = 64
_ATTEMPTS = 8
_PAUSE = 0.5


@dataclass
class Progress:
    """How far a replay is."""

    total: int = 0
    """Lines in the log, about."""
    seen: int = 0
    told: int = 0
    """Events that were not in the stream, and are now."""
    given_up: int = 0
    """Aggregates that something else was published for all the time."""


OnProgress = Callable[[Progress], None]


class Moved(Exception):
    """Somebody else has published for the aggregate meanwhile."""


class Replay:
    """Replays one log into one stream."""

    def __init__(
        self, mongo: Mongo, jetstream: JetStreamContext, stream: str, since: datetime | None
    ) -> None:
        """`since`: what is older the stream would not keep, and is not to have again."""
        self._mongo = mongo
        self._log = EventLog(mongo)
        self._jetstream = jetstream
        self._stream = stream
        self._events = EventStream(jetstream, stream)
        self._since = since
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self.progress = Progress()

    async def run(self, on_progress: OnProgress) -> Progress:
        """Replay the whole log.

        Raises: Unavailable; nats.errors.Error.
        """
        self.progress.total = await self._log.count()
        on_progress(self.progress)
        for partner in await self._log.partners():
            after = ""
            while lines := await self._log.page(partner, after, _PAGE):
                after = lines[-1]["aggregate_id"]
                reached = await asyncio.gather(*map(self._aggregate, by_aggregate(lines)))
                await self._note(reached)
                self.progress.seen += len(lines)
                on_progress(self.progress)
        return self.progress

    async def _aggregate(self, lines: Sequence[Document]) -> tuple[Document, int] | None:
        """Replay one aggregate; give its last line, and the sequence that this has now."""
        async with self._turn:
            for attempt in range(_ATTEMPTS):
                try:
                    return await self._completed(lines)
                except Moved:
                    await asyncio.sleep(_PAUSE * (attempt + 1))
                    lines = await self._log.again(lines[0])
        self.progress.given_up += 1
        return None

    async def _completed(self, lines: Sequence[Document]) -> tuple[Document, int] | None:
        """Let the stream have all of an aggregate's events.

        Raises: Moved.
        """
        wanted = [line for line in lines if self._since is None or line["at"] >= self._since]
        if not wanted:
            return None
        subjects = _subjects(wanted[0])
        there = await self._there(subjects)
        if there.keys() - {line["_id"] for line in lines}:
            raise Moved  # what was told just now is on its way into the log
        own = [line["_id"] for line in wanted if line["_id"] in there]
        in_order = sorted(own, key=there.__getitem__)
        if in_order != [line["_id"] for line in wanted[: len(own)]]:
            # Up to what was seen: what is told meanwhile may have left its outbox already.
            await self._events.purge(subjects, max(there.values()) + 1)
            there, own = {}, []
        last = max(there.values(), default=0)
        for line in wanted[len(own) :]:
            last = await self._publish(line, last, subjects)
            self.progress.told += 1
        return wanted[-1], last

    async def _there(self, subjects: str) -> dict[str, int]:
        """The sequences of the events that the stream has on these subjects, by their ids."""
        found, after = dict[str, int](), 0
        while True:
            try:
                message = await self._jetstream.get_msg(
                    self._stream, after + 1, subjects, next=True
                )
            except NotFoundError:
                return found
            after = message.seq or 0
            found[(message.headers or {}).get("Nats-Msg-Id", "")] = after

    async def _publish(self, line: Document, last: int, subjects: str) -> int:
        headers = {
            "Nats-Msg-Id": line["_id"],
            "Nats-Expected-Stream": self._stream,
            "Nats-Expected-Last-Subject-Sequence": str(last),
            "Nats-Expected-Last-Subject-Sequence-Subject": subjects,
            "Content-Type": CONTENT_TYPE,
        }
        subject = subject_of(line, line["partner"], line["aggregate_id"])
        try:
            answer = await self._jetstream.publish(subject, line["body"], headers=headers)
            while answer.duplicate:
                # It was taken out, and the stream still knows its id: for two minutes, by default.
                await asyncio.sleep(1)
                answer = await self._jetstream.publish(subject, line["body"], headers=headers)
        except APIError as error:
            if error.err_code in OUT_OF_TURN:
                raise Moved from None
            raise
        return answer.seq

    async def _note(self, reached: Sequence[tuple[Document, int] | None]) -> None:
        """Write into the documents which sequence the last event of each has.

        Raises: Unavailable.
        """
        by_collection: dict[str, dict[str, statements.Reached | None]] = {}
        for each in reached:
            if each is not None:
                line, seq = each
                known = by_collection.setdefault(line["collection"], {})
                known[line["aggregate_id"]] = (seq, line["version"])
        for collection, documents in by_collection.items():
            query, pipeline = statements.clearings(documents, [])
            await self._mongo.update_all(collection, query, pipeline)


def _subjects(line: Document) -> str:
    service = line["type"].partition(".")[0]
    return subjects_of(service, line["partner"], line["aggregate_id"])
