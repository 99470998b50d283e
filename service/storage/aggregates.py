"""Aggregates: one document each, changed together with the event that tells of it.

A change sets fields, raises `version` and pushes the event into `outbox` in a single atomic write,
so a change without its event, or an event without its change, cannot come to be. The relay takes it
from there.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import bson

from schemas.event import EventType
from service.call import Call
from service.problems import Unavailable
from service.storage.batches import Batches, Lost, Read
from service.storage.errors import Duplicate
from service.storage.kind import ERASED_AT, ID_INDEX, Kind
from service.storage.memory import FixedMemory, FreshMemory
from service.storage.mongo import Document, Mongo
from service.storage.outbox import Pending
from service.storage.replies import Replies
from service.storage.sealing import Sealer
from service.storage.tree import Tree
from service.storage.turns import Turns
from service.storage.writes import DataOf, Decision, Write, insert_of, untold, update_of

_ATTEMPTS = 64
"""Lost races after which a change is refused. Each loss means that somebody else got on."""

_COMMON_FIELDS = ("partner", "domain", "version", ERASED_AT)


class Relay(Protocol):
    """Where pending events go next."""

    def submit(self, pending: Pending) -> None:
        """Publish them soon; they stay in the outbox until the stream has them."""


class Aggregates:
    """The aggregates of one kind."""

    def __init__(self, kind: Kind, mongo: Mongo, relay: Relay, sealer: Sealer) -> None:
        self._batches = Batches(mongo, kind.collection)
        self.replies = Replies(kind.collection, mongo, self._batches, sealer)
        self.tree = Tree(mongo, kind.collection, kind.parent)
        self._kind = kind
        self._mongo = mongo
        self._relay = relay
        self._turns = Turns()
        self._fixed = FixedMemory(lambda id: self.read(id, kind.fixed))
        self._fresh = FreshMemory(self.read)

    def read(
        self, id: str, fields: tuple[str, ...] = (), *, naive: bool = False
    ) -> asyncio.Future[Document | None]:
        """The document, or None; `fields` names what to read besides the common ones, () is all.

        Under way at once. Shared with whoever asked for the same at the same time: not to be
        changed. `naive` gives times as they are kept, in UTC without saying so: to be shown, and
        neither compared nor kept.
        Raises: Unavailable.
        """
        return self._batches.read(id, fields and _COMMON_FIELDS + fields, naive=naive)

    def read_by(
        self, field: str, value: str, fields: tuple[str, ...] = ()
    ) -> asyncio.Future[Document | None]:
        """The one document with this value in a field, or None; otherwise as `read`.

        The field has a unique index of its own name.
        Raises: Unavailable.
        """
        return self._batches.read(value, fields and _COMMON_FIELDS + fields, field)

    async def read_fixed(self, id: str) -> Document | None:
        """The fields of the document that never change, or None where there is no such document.

        Read once, then remembered: a create spares the read of what it is created in.
        Raises: Unavailable.
        """
        return await self._fixed.get(id)

    async def read_fresh(self, id: str) -> Document | None:
        """The whole document as it was at most four seconds ago, or None where there was none.

        What this worker changed itself is there at once. For settings that are asked for with every
        request; not to be changed.
        Raises: Unavailable.
        """
        return await self._fresh.get(id)

    def forget(self, id: str) -> None:
        """This worker has changed the document in another way than through here."""
        self._fresh.forget(id)

    async def find(
        self,
        query: Mapping[str, Any],
        fields: tuple[str, ...] = (),
        *,
        hint: str,
        sort: str = "_id",
        limit: int = 0,
        naive: bool = False,
    ) -> list[Document]:
        """The documents that match by the index `hint`, in the order of their ids: of creation.

        `sort` names another field with the ids of aggregates, to be in the order of theirs; `naive`
        is as `read` has it.
        Raises: Unavailable.
        """
        wanted = dict.fromkeys(_COMMON_FIELDS + fields, True) if fields else None
        return await self._mongo.find(
            self._kind.collection, query, wanted, sort=sort, limit=limit, hint=hint, naive=naive
        )

    async def insert(
        self,
        call: Call,
        document: Document,
        event: EventType,
        data: DataOf,
        reply: Mapping[str, Any],
    ) -> Document:
        """Insert a new aggregate, version 1, with its event and the reply to keep.

        `document` has its `_id` and the domain's fields; the common ones are added here.
        Raises: KeyTaken; Duplicate, naming the unique index; Unavailable.
        """
        kept = self.replies.keep(call, document["_id"], reply)
        write = insert_of(call, self._kind.collection, document, event, data, kept)
        try:
            await self._batches.insert(write.encoded)
        except Duplicate as duplicate:
            await self.replies.refuse_taken(call, duplicate.index)
            raise
        return self._written(write)

    async def start(self, call: Call, document: Document) -> None:
        """Insert a new aggregate of which nothing is told yet: version 0, without an event.

        Raises: Duplicate, naming the unique index; Unavailable.
        """
        await self._batches.insert(bson.encode(untold(call, document)))

    async def set_untold(
        self, id: str, expected: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> bool:
        """Set fields that no event and no version tells of, if the others are as expected.

        Gives whether they were; in a tombstone nothing is set.
        Raises: Unavailable.
        """
        update = ({"_id": id, ERASED_AT: None, **expected}, {"$set": fields})
        matched, refused = await self._mongo.update(self._kind.collection, [update])
        self._fresh.forget(id)
        for error in refused.values():
            raise error
        return matched == 1

    async def add_untold(self, id: str, members: Mapping[str, Sequence[str]]) -> None:
        """Add what is not in them yet to lists that no event and no version tells of.

        Raises: Unavailable.
        """
        added = {name: {"$each": list(each)} for name, each in members.items()}
        _, refused = await self._mongo.update(
            self._kind.collection, [({"_id": id}, {"$addToSet": added})]
        )
        self._fresh.forget(id)
        for error in refused.values():
            raise error

    async def change(
        self, call: Call, id: str, decide: Decision, new: Document | None = None
    ) -> Document:
        """Change one aggregate, and give it as it is afterwards.

        Where there is none and `new` is given, `decide` gets that, and the change makes it.
        Raises: what `decide` raises; KeyTaken, for a change that keeps a reply; Duplicate, naming
        the unique index; Unavailable.
        """
        # Two changes of this worker on one aggregate at once would only lose to each other.
        async with self._turns.of(id):
            for _ in range(_ATTEMPTS):
                try:
                    return await self._attempt(call, id, decide, new)
                except Lost:
                    continue
        raise Unavailable

    async def _attempt(
        self, call: Call, id: str, decide: Decision, new: Document | None
    ) -> Document:
        document = await self.read(id)
        if document is None and new is not None:
            return await self._made(call, new, decide)
        change = decide(document)
        if document is None:
            raise LookupError(f"{call.operation} changes what does not exist")
        if change is None:
            # Told as done only once it is: another's change may have been read before a majority
            # has it.
            if not await self._batches.confirm(Read(id, "version", document["version"])):
                raise Lost
            return document
        kept = self.replies.keep_also(call, document, change.reply, document["version"] + 1)
        write = update_of(call, self._kind.collection, document, change, kept)
        try:
            await self._batches.swap(write.swap)
        except Duplicate as duplicate:
            if kept is not None:
                await self.replies.refuse_taken(call, duplicate.index)
            raise
        return self._written(write)

    async def _made(self, call: Call, new: Document, decide: Decision) -> Document:
        change = decide(new)
        if change is None:
            return new
        try:
            made = {**new, **change.fields}
            return await self.insert(call, made, change.event, change.data, change.reply or {})
        except Duplicate as duplicate:
            if duplicate.index != ID_INDEX:
                raise
            raise Lost from None  # another was first to make it; that one is to be changed now

    def _written(self, write: Write) -> Document:
        """Tell of a write that was carried out, and give the document as it is now."""
        self._fresh.forget(write.after["_id"])
        self._relay.submit(write.pending)
        return write.after
