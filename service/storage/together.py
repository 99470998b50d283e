"""Together: the few changes that take more than one document, in one transaction.

Kept short, for an open transaction that holds a unique key holds up whole batches behind it: an
attempt has a time limit below MongoDB's own, and what dies in one is undone by the server.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import bson

from schemas.event import EventType
from service.call import Call
from service.problems import Unavailable
from service.storage import statements
from service.storage.aggregates import Aggregates, Relay
from service.storage.batches import MOST_IN_STATEMENT
from service.storage.errors import Duplicate, WriteConflict
from service.storage.kind import IDEMPOTENCY_FIELD, Kind
from service.storage.mongo import Document, Mongo
from service.storage.outbox import Pending
from service.storage.session import Session
from service.storage.tree import lineage_pipeline, lineages_by_id
from service.storage.writes import Change, DataOf, Decision, insert_of, untold, update_of

T = TypeVar("T")

_ATTEMPT_SECONDS = 0.75
_ALL_SECONDS = 2.5
"""As long as a caller may wait for a 503."""

_PAUSE = 0.005
_LONGEST_PAUSE = 0.08
"""Of a pause that doubles: those who keep meeting each other spread out."""


class Transaction:
    """What a piece of work reads and writes as one; it may run several times, each time anew."""

    def __init__(self, call: Call, session: Session, aggregates: Mapping[Kind, Aggregates]) -> None:
        self._call = call
        self._session = session
        self._aggregates = aggregates
        self.written: list[tuple[Kind, Pending]] = []

    async def read(self, kind: Kind, id: str) -> Document | None:
        """The document as it is in this transaction's snapshot, or None.

        Raises: WriteConflict, Unavailable.
        """
        found = await self.find(kind, {"_id": id}, hint="_id_", limit=1)
        return found[0] if found else None

    async def find(
        self,
        kind: Kind,
        query: Mapping[str, Any],
        fields: Mapping[str, Any] | None = None,
        *,
        hint: str,
        limit: int = 0,
    ) -> list[Document]:
        """The documents that match in this transaction's snapshot, in the order of their ids.

        Raises: WriteConflict, Unavailable.
        """
        return await self._session.find(
            kind.collection, query, fields, sort="_id", limit=limit, hint=hint
        )

    async def lineages(self, kind: Kind, ids: set[str]) -> dict[str, list[Document]]:
        """Each of these aggregates that is there, its parent, and so on up to the root.

        Raises: WriteConflict, Unavailable.
        """
        pipeline = lineage_pipeline(kind.collection, kind.parent, ids)
        found = await self._session.aggregate(kind.collection, pipeline)
        return lineages_by_id(found, kind.parent)

    async def insert(
        self,
        kind: Kind,
        document: Document,
        event: EventType,
        data: DataOf,
        reply: Mapping[str, Any] | None = None,
    ) -> Document:
        """Insert a new aggregate; `reply` is given with the one that the reply is kept with.

        Raises: Duplicate, naming the unique index; WriteConflict, Unavailable.
        """
        replies = self._aggregates[kind].replies
        kept = replies.keep(self._call, document["_id"], reply) if reply is not None else None
        write = insert_of(self._call, kind.collection, document, event, data, kept)
        await self._session.insert(kind.collection, write.encoded)
        self.written.append((kind, write.pending))
        return write.after

    async def change(self, kind: Kind, id: str, decide: Decision) -> Document:
        """Change one aggregate, and give it as it is afterwards.

        Raises: what `decide` raises; Duplicate, naming the unique index; WriteConflict,
        Unavailable.
        """
        document = await self.read(kind, id)
        change = decide(document)
        if document is None:
            raise LookupError(f"{self._call.operation} changes what does not exist")
        return document if change is None else await self.apply(kind, document, change)

    async def apply(self, kind: Kind, document: Document, change: Change) -> Document:
        """Carry out a change of a document as this transaction has read it, and give it after.

        Raises: Duplicate, naming the unique index; WriteConflict, Unavailable.
        """
        replies, version = self._aggregates[kind].replies, document["version"] + 1
        kept = replies.keep_also(self._call, document, change.reply, version)
        write = update_of(self._call, kind.collection, document, change, kept)
        await self._session.update(
            kind.collection,
            {"_id": document["_id"], "version": document["version"]},
            write.swap.update,
        )
        self.written.append((kind, write.pending))
        return write.after

    async def apply_all(self, kind: Kind, changes: Sequence[tuple[Document, Change]]) -> None:
        """Carry out changes of several documents as this transaction has read them.

        As `apply`, but in as few round trips as statements have room for.
        Raises: WriteConflict, Unavailable.
        """
        writes = [
            update_of(self._call, kind.collection, document, change) for document, change in changes
        ]
        for some in _in_groups(writes, MOST_IN_STATEMENT):
            query, pipeline = statements.swaps(
                [write.swap.id for write in some],
                [write.swap.version for write in some],
                [write.swap.update for write in some],
            )
            if await self._session.update_all(kind.collection, query, pipeline) != len(some):
                raise WriteConflict
        self.written += [(kind, write.pending) for write in writes]

    async def start(
        self, kind: Kind, document: Document, reply: Mapping[str, Any] | None = None, etag: int = 0
    ) -> None:
        """Insert a new aggregate of which nothing is told: version 0, without an event.

        `reply` is what to keep under the call's Idempotency-Key, and `etag` what it is about.
        Raises: Duplicate, naming the unique index; WriteConflict, Unavailable.
        """
        kept = None
        if reply is not None:
            kept = self._aggregates[kind].replies.keep(self._call, document["_id"], reply, etag)
        new = untold(self._call, document, kept)
        await self._session.insert(kind.collection, bson.encode(new))

    async def start_all(self, kind: Kind, documents: Sequence[Document]) -> None:
        """Insert new aggregates of which nothing is told, as `start` does, in one round trip.

        Raises: Duplicate, naming the unique index; WriteConflict, Unavailable.
        """
        encoded = [bson.encode(untold(self._call, document)) for document in documents]
        await self._session.insert_all(kind.collection, encoded)

    async def keep_reply(
        self, kind: Kind, document: Document, reply: Mapping[str, Any], etag: int
    ) -> None:
        """Keep one more reply with an aggregate that stays as it is; `etag` as `start` has it.

        Raises: Duplicate, naming the unique index; WriteConflict, Unavailable.
        """
        kept = self._aggregates[kind].replies.keep_also(self._call, document, reply, etag)
        if kept is not None:
            keeping = {"$set": {IDEMPOTENCY_FIELD: kept}}
            await self._session.update(kind.collection, {"_id": document["_id"]}, keeping)

    async def forget_reply(self, kind: Kind, id: str) -> None:
        """Take what is kept of replies out of an aggregate.

        Raises: WriteConflict, also when there is no such aggregate; Unavailable.
        """
        forgotten = {"$unset": {IDEMPOTENCY_FIELD: ""}}
        await self._session.update(kind.collection, {"_id": id}, forgotten)

    async def raise_count(self, kind: Kind, id: str, field: str) -> None:
        """Raise a count in an aggregate, without an event: only one transaction can at a time.

        Raises: WriteConflict, Unavailable.
        """
        await self._session.update(kind.collection, {"_id": id}, {"$inc": {field: 1}})


async def carry_out(
    call: Call,
    mongo: Mongo,
    aggregates: Mapping[Kind, Aggregates],
    relay: Relay,
    work: Callable[[Transaction], Awaitable[T]],
    keeps: Kind | None,
) -> T:
    """Carry out the work in one transaction, again when it met another's, and publish its events.

    `keeps` is the kind that the reply is kept with, for an operation with an Idempotency-Key.
    Raises: what `work` raises; KeyTaken; Duplicate; Unavailable, when it may or may not have been.
    """
    deadline = asyncio.get_running_loop().time() + _ALL_SECONDS
    pause = _PAUSE
    while True:
        try:
            async with mongo.transaction() as session:
                transaction = Transaction(call, session, aggregates)
                # The work alone: a commit that is cut off may have been, and must not run again.
                async with asyncio.timeout(_ATTEMPT_SECONDS):
                    result = await work(transaction)
            break
        except Duplicate as duplicate:
            if keeps is not None:
                await aggregates[keeps].replies.refuse_taken(call, duplicate.index)
            raise
        except (WriteConflict, TimeoutError):
            if asyncio.get_running_loop().time() + pause > deadline:
                raise Unavailable from None
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311  # no secret
            pause = min(2 * pause, _LONGEST_PAUSE)
    for kind, pending in transaction.written:
        aggregates[kind].forget(pending.id)
        relay.submit(pending)
    return result


def _in_groups(items: Sequence[T], most: int) -> Iterator[list[T]]:
    rest = iter(items)
    while group := list(islice(rest, most)):
        yield group
