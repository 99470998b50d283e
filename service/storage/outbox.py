"""Outbox entries: an event as it waits in its aggregate's document for the stream to take it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.event import SOURCE, Event, EventData, EventType
from service.call import Call
from service.ids import random_id
from service.problems import TooLarge
from service.wire import to_json

Entry = dict[str, Any]
"""`id` `type` `version` `at` `actor` `request_id` `changed`, and `body`: the event as published."""


@dataclass(slots=True)
class Pending:
    """The events of one aggregate that the stream may not have yet, oldest first."""

    collection: str
    id: str
    partner: str
    after: int
    """Stream sequence of the aggregate's event before these, as far as its document knows."""
    entries: list[Entry]


def pending_of(collection: str, document: Mapping[str, Any]) -> Pending:
    """What waits in the outbox of a document."""
    return Pending(
        collection,
        document["_id"],
        document["partner"],
        document.get("stream_seq", 0),
        document["outbox"],
    )


def entry(call: Call, event: EventType, id: str, version: int, data: EventData) -> Entry:
    """The entry for what a call did to an aggregate: a CloudEvents event and what indexes it.

    Raises: TooLarge, when no message has room for it: the stream would never take it.
    """
    event_id = random_id()
    body = Event(
        specversion="1.0",
        id=event_id,
        type=event.type,
        source=SOURCE,
        subject=id,
        time=call.now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        datacontenttype="application/json",
        dataschema=event.dataschema,
        partnerid=call.partner,
        aggregateversion=version,
        requestid=call.request_id,
        actor=call.caller.subject,
        **call.trace,  # type: ignore[typeddict-item]  # traceparent and tracestate, or neither
        data=dict(data),
    )
    told = to_json(body)
    if len(told) > call.max_reply:
        raise TooLarge("The event that tells of this is too large; change less at a time.")
    return {
        "id": event_id,
        "type": event.type,
        "version": version,
        "at": call.now,
        "actor": call.caller.subject,
        "request_id": call.request_id,
        "changed": data["changed"],
        "body": told,
    }


def subject_of(entry: Mapping[str, Any], partner: str, id: str) -> str:
    """`evt.<service>.<partner>.<id>.<event>`."""
    service, _, name = entry["type"].partition(".")
    return f"evt.{service}.{partner}.{id}.{name}"


def version_in(body: bytes) -> int:
    """The aggregate's version that a published event tells of."""
    version: int = orjson.loads(body)["aggregateversion"]
    return version
