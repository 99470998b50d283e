"""What a write of an aggregate consists of: the document or the update, and the event in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bson

from schemas.event import EventData, EventType
from service.call import Call
from service.problems import Unavailable
from service.storage.batches import Swap
from service.storage.mongo import Document
from service.storage.outbox import Entry, Pending, entry

MOST_PENDING = 1_000
"""Events of one aggregate that may wait for the stream; more changes are refused."""

DataOf = Callable[[Document], EventData]
"""Makes an event's data from the document as it will be."""


@dataclass(slots=True)
class Change:
    """What a decision comes to: fields to set, and the event that tells of it."""

    event: EventType
    fields: Mapping[str, Any]
    data: DataOf
    removed: Sequence[str] = ()
    reply: Mapping[str, Any] | None = None
    """The reply to keep, for an operation that makes anew what had been removed."""


Decision = Callable[[Document | None], Change | None]
"""Gets the document, or None where there is none; gives the change, or None for nothing to do.

It raises a Problem to refuse. It may run several times, each time on a newer document: it must
only decide.
"""


@dataclass(slots=True)
class Write:
    """A write to make: `after` is the document as it will be, `pending` what to publish then."""

    after: Document
    pending: Pending


@dataclass(slots=True)
class Insert(Write):
    """A new document, encoded: what cannot be must fail before it meets others in a batch."""

    encoded: bytes


@dataclass(slots=True)
class Update(Write):
    """A compare-and-set of a document that is there."""

    swap: Swap


def insert_of(
    call: Call,
    collection: str,
    document: Document,
    event: EventType,
    data: DataOf,
    kept: Document | None,
) -> Insert:
    """The write of a new aggregate, version 1.

    `document` has its `_id` and the domain's fields, the common ones are added here; `kept` is the
    reply to keep under the call's Idempotency-Key.
    """
    after = {
        **document,
        "partner": call.partner,
        "version": 1,
        "created_at": call.now,
        "updated_at": call.now,
    }
    if kept is not None:
        after["idempotency"] = kept
    first = entry(call, event, document["_id"], 1, data(after))
    after["outbox"] = [first]
    return Insert(after, _pending(collection, after, [first]), bson.encode(after))


def untold(call: Call, document: Document, kept: Document | None = None) -> Document:
    """A new aggregate of which nothing is told yet: version 0, without an event."""
    new = {
        **document,
        "partner": call.partner,
        "version": 0,
        "created_at": call.now,
        "updated_at": call.now,
        "outbox": [],
    }
    return new if kept is None else {**new, "idempotency": kept}


def update_of(
    call: Call,
    collection: str,
    document: Document,
    change: Change,
    kept: list[Document] | None = None,
) -> Update:
    """The write that carries out a change of the document.

    `kept` is all that is to be kept of replies, where the change keeps one.
    Raises: Unavailable, when too many of its events wait for the stream already.
    """
    if len(document["outbox"]) >= MOST_PENDING:
        raise Unavailable
    version = document["version"]
    fields = {**change.fields, "version": version + 1, "updated_at": call.now}
    if kept is not None:
        fields["idempotency"] = kept
    after = {k: v for k, v in document.items() if k not in change.removed} | fields
    event = entry(call, change.event, document["_id"], version + 1, change.data(after))
    update: dict[str, Any] = {"$set": fields, "$push": {"outbox": event}}
    if change.removed:
        update["$unset"] = dict.fromkeys(change.removed, "")
    # Encoded once to see that it can be: one that cannot would fail its whole batch.
    bson.encode(update)
    after["outbox"] = [*document["outbox"], event]
    swap = Swap(document["_id"], version, update, event["id"])
    return Update(after, _pending(collection, document, after["outbox"]), swap)


def _pending(collection: str, document: Document, entries: list[Entry]) -> Pending:
    return Pending(
        collection,
        document["_id"],
        document["partner"],
        document.get("stream_seq", 0),
        entries,
    )
