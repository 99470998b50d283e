"""Aggregates: one document each, changed together with the event that tells of it.

A change sets fields, raises `version` and pushes the event into `outbox` in a single atomic write,
so a change without its event, or an event without its change, cannot come to be. The relay takes it
from there.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import bson

from schemas.event import EventData, EventType
from service.call import Call
from service.problems import IdempotencyKeyReused, Unavailable
from service.storage.batches import Batches, Lost, Swap
from service.storage.kind import IDEMPOTENCY_INDEX, Kind
from service.storage.mongo import Document, Duplicate, Mongo
from service.storage.outbox import Entry, Pending, entry
from service.storage.sealing import Sealer
from service.storage.turns import Turns
from service.wire import to_json

MOST_PENDING = 1_000
"""Events of one aggregate that may wait for the stream; more changes are refused."""

_ATTEMPTS = 64
"""Lost races after which a change is refused. Each loss means that somebody else got on."""

_COMMON_FIELDS = ("partner", "domain", "version")

Decision = Callable[[Document | None], "Change | None"]


class Relay(Protocol):
    """Where pending events go next."""

    def submit(self, pending: Pending) -> None:
        """Publish them soon; they stay in the outbox until the stream has them."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision comes to: fields to set, and the event that tells of it."""

    event: EventType
    fields: Mapping[str, Any]
    data: Callable[[Document], EventData]
    """Makes the event's data from the document as it will be."""
    removed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class KeptReply:
    """The first reply to a request with an Idempotency-Key."""

    body: bytes
    etag: int


class KeyTaken(Exception):
    """Another request with this Idempotency-Key was first; its reply is kept."""


class Aggregates:
    """The aggregates of one kind."""

    def __init__(self, kind: Kind, mongo: Mongo, relay: Relay, sealer: Sealer) -> None:
        self._collection = kind.collection
        self._mongo = mongo
        self._relay = relay
        self._sealer = sealer
        self._batches = Batches(mongo, kind.collection)
        self._turns = Turns()

    async def read(self, id: str, fields: tuple[str, ...] = ()) -> Document | None:
        """The document, or None; `fields` names what to read besides the common ones, () is all.

        Shared with whoever asked for the same at the same time: not to be changed.
        Raises: Unavailable.
        """
        return await self._batches.read(id, fields and _COMMON_FIELDS + fields)

    async def find(
        self,
        query: Mapping[str, Any],
        fields: tuple[str, ...] = (),
        *,
        hint: str,
        limit: int = 0,
    ) -> list[Document]:
        """The documents that match by the index `hint`, in the order of their ids: of creation.

        Raises: Unavailable.
        """
        wanted = dict.fromkeys(_COMMON_FIELDS + fields, True) if fields else None
        return await self._mongo.find(
            self._collection, query, wanted, sort="_id", limit=limit, hint=hint
        )

    async def insert(
        self,
        call: Call,
        document: Document,
        event: EventType,
        data: Callable[[Document], EventData],
        reply: Mapping[str, Any],
    ) -> Document:
        """Insert a new aggregate, version 1, with its event and the reply to keep.

        `document` has its `_id` and the domain's fields; the common ones are added here.
        Raises: KeyTaken; Duplicate, naming the unique index; Unavailable.
        """
        whole = {
            **document,
            "partner": call.partner,
            "version": 1,
            "created_at": call.now,
            "updated_at": call.now,
        }
        first = entry(call, event, document["_id"], 1, data(whole))
        whole["outbox"] = [first]
        if call.idempotency_key is not None:
            whole["idempotency"] = self._keep(call, document["_id"], reply)
        encoded = bson.encode(whole)
        try:
            await self._batches.insert(encoded)
        except Duplicate as duplicate:
            # Of two violated indexes only one is reported: look the key up whichever it is.
            if duplicate.index == IDEMPOTENCY_INDEX or await self._kept(call) is not None:
                raise KeyTaken from None
            raise
        self._submit(whole, [first])
        return whole

    async def change(self, call: Call, id: str, decide: Decision) -> Document:
        """Change one aggregate, and give it as it is afterwards.

        `decide` gets the document, or None where there is none, and gives the change, or None for
        nothing to do, or raises a Problem. It may run several times, each time on a newer
        document: it must only decide.
        Raises: what `decide` raises; Duplicate, naming the unique index; Unavailable.
        """
        # Two changes of this worker on one aggregate at once would only lose to each other.
        async with self._turns.of(id):
            for _ in range(_ATTEMPTS):
                try:
                    return await self._attempt(call, id, decide)
                except Lost:
                    continue
        raise Unavailable

    async def kept_reply(self, call: Call) -> KeptReply | None:
        """The reply that is kept under the call's Idempotency-Key, or None.

        Raises: IdempotencyKeyReused, when it was another request's; Unavailable.
        """
        document = await self._kept(call)
        if document is None:
            return None
        kept = document["idempotency"]
        if not hmac.compare_digest(kept["fingerprint"], call.fingerprint):
            raise IdempotencyKeyReused
        body = self._sealer.open(kept["reply"], self._place(document["_id"]))
        return KeptReply(body, kept["etag"])

    async def _attempt(self, call: Call, id: str, decide: Decision) -> Document:
        document = await self.read(id)
        change = decide(document)
        if document is None:
            raise LookupError(f"{call.operation} changes what does not exist")
        if change is None:
            return document
        if len(document["outbox"]) >= MOST_PENDING:
            raise Unavailable
        fields = {**change.fields, "version": document["version"] + 1, "updated_at": call.now}
        result = {k: v for k, v in document.items() if k not in change.removed} | fields
        event = entry(call, change.event, id, result["version"], change.data(result))
        update: dict[str, Any] = {"$set": fields, "$push": {"outbox": event}}
        if change.removed:
            update["$unset"] = dict.fromkeys(change.removed, "")
        # Encoded once to see that it can be: one that cannot would fail its whole batch.
        bson.encode(update)
        await self._batches.swap(Swap(id, document["version"], update, event["id"]))
        self._submit(document, [*document["outbox"], event])
        return result

    def _submit(self, document: Document, entries: list[Entry]) -> None:
        self._relay.submit(
            Pending(
                self._collection,
                document["_id"],
                document["partner"],
                document.get("stream_seq", 0),
                entries,
            )
        )

    def _keep(self, call: Call, id: str, reply: Mapping[str, Any]) -> Document:
        return {
            "key": _key(call),
            "fingerprint": call.fingerprint,
            "reply": self._sealer.seal(to_json(reply), self._place(id)),
            "etag": 1,
        }

    async def _kept(self, call: Call) -> Document | None:
        if call.idempotency_key is None:
            return None
        query = {"partner": call.partner, "idempotency.key": _key(call)}
        found = await self._mongo.find(
            self._collection, query, {"idempotency": True}, limit=1, hint=IDEMPOTENCY_INDEX
        )
        return found[0] if found else None

    def _place(self, id: str) -> str:
        return f"{self._collection}/{id}/idempotency"


def _key(call: Call) -> str:
    return f"{call.operation}:{call.idempotency_key}"
