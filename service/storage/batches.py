"""The batches of one collection: reads, inserts, compare-and-sets; to each caller its own."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson.raw_bson import RawBSONDocument

from service.storage import statements
from service.storage.coalescer import Coalescer
from service.storage.errors import Refused
from service.storage.mongo import Document, Mongo
from service.storage.side_by_side import all_ended

EVENT_LOG = "events"
"""The collection of every event that the stream has acknowledged, by event id."""


MOST_IN_STATEMENT = 64
"""A statement has 16 MiB; one that is larger, for large bodies, is carried out singly."""


_Way = tuple[str, tuple[str, ...], bool]
"""How documents are read: by which field, which fields of them, and whether with naive times."""


class Lost(Exception):
    """A compare-and-set found another version."""


@dataclass(slots=True)
class Swap:
    """A compare-and-set: this update, if the document still has this version."""

    id: str
    version: int
    update: Mapping[str, Any]
    event_id: str
    """An event that the update pushes into the outbox: the proof that it was carried out."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a document: that a field of it has a value."""

    id: str
    field: str
    value: Any

    @property
    def query(self) -> dict[str, Any]:
        """The query that it still answers."""
        return {"_id": self.id, self.field: self.value}


class Batches:
    """What a collection is read and written through, one coalescer for each way."""

    def __init__(self, mongo: Mongo, collection: str) -> None:
        self._mongo = mongo
        self._collection = collection
        self._readers: dict[_Way, Coalescer[str, Document | None]] = {}
        self._inserter: Coalescer[bytes, None] = Coalescer(
            self._insert, tally=mongo.tally(collection, "insert")
        )
        self._swapper: Coalescer[Swap, None] = Coalescer(
            self._swap, tally=mongo.tally(collection, "update")
        )
        self._confirmer: Coalescer[Read, bool] = Coalescer(
            self._confirm, tally=mongo.tally(collection, "confirm")
        )

    def read(
        self, value: str, fields: tuple[str, ...], by: str = "_id", naive: bool = False
    ) -> asyncio.Future[Document | None]:
        """The document with these fields, () for all of them, or None.

        `by` is a field with a unique index of its own name; `naive` is as `Mongo.find` has it. The
        read is under way at once, so that several can be before the first is awaited.
        Raises: Unavailable.
        """
        way = (by, fields, naive)
        reader = self._readers.get(way)
        if reader is None:
            reader = self._readers[way] = self._reader(by, fields, naive)
        return reader.submit(value)

    async def insert(self, encoded: bytes) -> None:
        """Insert a document, encoded already: what cannot be must not take its neighbours along.

        Raises: Duplicate, naming the unique index; Unavailable.
        """
        await self._inserter.submit(encoded)

    async def confirm(self, read: Read) -> bool:
        """Whether a majority has what was read; else it was, or may have been, rolled back.

        Raises: Unavailable.
        """
        return await self._confirmer.submit(read)

    async def swap(self, swap: Swap) -> None:
        """Carry out a compare-and-set.

        Raises: Lost; Duplicate, naming the unique index; Unavailable.
        """
        await self._swapper.submit(swap)

    def _reader(
        self, by: str, fields: tuple[str, ...], naive: bool
    ) -> Coalescer[str, Document | None]:
        projection = dict.fromkeys((by, *fields), True) if fields else None
        hint = None if by == "_id" else by

        async def flush(values: list[str]) -> list[Document | None]:
            wanted = list(set(values))
            query = {by: {"$in": wanted}} if len(wanted) > 1 else {by: wanted[0]}
            found = await self._mongo.find(
                self._collection, query, projection, limit=len(wanted), hint=hint, naive=naive
            )
            known = {document[by]: document for document in found}
            return [known.get(value) for value in values]

        return Coalescer(flush, tally=self._mongo.tally(self._collection, "find"))

    async def _insert(self, documents: list[bytes]) -> list[Exception | None]:
        raw = [RawBSONDocument(document) for document in documents]
        refused = await self._mongo.insert(self._collection, raw)
        return [refused.get(position) for position in range(len(documents))]

    async def _confirm(self, reads: list[Read]) -> list[bool]:
        different = list(dict.fromkeys(reads))
        query = {"$or": [read.query for read in different]} if different[1:] else reads[0].query
        matched = await self._mongo.majority_has(self._collection, query)
        if matched == len({read.id for read in different}) == len(different):
            return [True] * len(reads)
        # The server counts, but does not say which of them did not match.
        has = self._mongo.majority_has
        counts = [await has(self._collection, read.query) for read in different]
        known = dict(zip(different, counts, strict=True))
        return [known[read] == 1 for read in reads]

    async def _swap(self, swaps: list[Swap]) -> list[Exception | None]:
        outcomes: dict[str, Exception | None] = {}
        # Side by side: they share the sync of the journal that each would wait for.
        for known in await all_ended(self._swap_in_one(some) for some in _in_statements(swaps)):
            outcomes |= known
        rest = [swap for swap in swaps if swap.event_id not in outcomes]
        if rest:
            singly = await self._swap_singly(rest)
            outcomes |= zip((swap.event_id for swap in rest), singly, strict=True)
        return [outcomes[swap.event_id] for swap in swaps]

    async def _swap_in_one(self, swaps: Sequence[Swap]) -> dict[str, Exception | None]:
        """The outcomes by event id; those that a refused neighbour held up are not among them."""
        query, pipeline = statements.swaps(
            [swap.id for swap in swaps],
            [swap.version for swap in swaps],
            [swap.update for swap in swaps],
        )
        try:
            changed = await self._mongo.update_all(self._collection, query, pipeline)
        except Refused:
            return dict.fromkeys(await self._won(swaps))
        if changed == len(swaps):
            return dict.fromkeys(swap.event_id for swap in swaps)
        # The server counts, but does not say whose swap it was that changed nothing.
        won = await self._won(swaps)
        return {swap.event_id: None if swap.event_id in won else Lost() for swap in swaps}

    async def _swap_singly(self, swaps: Sequence[Swap]) -> list[Exception | None]:
        """A statement for each, so that each has its own outcome."""
        updates = [({"_id": swap.id, "version": swap.version}, swap.update) for swap in swaps]
        matched, refused = await self._mongo.update(self._collection, updates)
        if matched + len(refused) == len(swaps):
            return [refused.get(position) for position in range(len(swaps))]
        won = await self._won([swap for at, swap in enumerate(swaps) if at not in refused])
        return [
            refused.get(at) or (None if swap.event_id in won else Lost())
            for at, swap in enumerate(swaps)
        ]

    async def _won(self, swaps: Sequence[Swap]) -> set[str]:
        """The event ids of the swaps that were carried out.

        The relay writes an event to the log before it pulls it from the outbox, so whoever looks
        in the outbox first and in the log after it misses none.
        """
        query = {"_id": {"$in": [swap.id for swap in swaps]}}
        found = await self._mongo.find(self._collection, query, {"outbox.id": True})
        pushed = {entry["id"] for document in found for entry in document["outbox"]}
        gone = [swap.event_id for swap in swaps if swap.event_id not in pushed]
        if gone:
            logged = await self._mongo.find(EVENT_LOG, {"_id": {"$in": gone}}, {"_id": True})
            pushed.update(document["_id"] for document in logged)
        return {swap.event_id for swap in swaps} & pushed


def _in_statements(swaps: Sequence[Swap]) -> list[list[Swap]]:
    """Those that can share statements, in groups of different ids; a lone one needs none."""
    groups: list[dict[str, Swap]] = [{}]
    for swap in swaps:
        if statements.fits(swap.update):
            if swap.id in groups[-1] or len(groups[-1]) >= MOST_IN_STATEMENT:
                groups.append({})
            groups[-1][swap.id] = swap
    return [list(group.values()) for group in groups if len(group) > 1]
