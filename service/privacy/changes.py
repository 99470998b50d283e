"""What was changed: the lines of the event log, and what waits to become one of them.

An id may be of more than one aggregate: a person's preferences are under the person's own. The
lines of each stay in the order of its versions, and of two aggregates the earlier line comes first.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

from schemas.privacy import HistoryEntry
from service.call import Call
from service.storage.event_log import line_of
from service.storage.kind import Kind
from service.storage.mongo import Document

_MOST_AGGREGATES = 3
_VERSION_BYTES = 4
PLACE_BYTES = _MOST_AGGREGATES * (1 + _VERSION_BYTES)
"""How long a place is in a cursor: for each aggregate its kind's number, and a version."""

Under = Sequence[tuple[int, Kind, Document]]
"""What there is under an id: each kind with its number, and the document with its outbox."""

Place = dict[int, int]
"""How far a history was read: by the number of a kind, the version."""


async def find_changes(
    call: Call, under: Under, wanted: Mapping[str, Any], after: Place, limit: int
) -> list[Document]:
    """The changes that match, with where each stands as `place`.

    What is under the id was read, with its outboxes, before the log is: an event is in the log
    before it leaves the outbox, so that it is met in one of them at least.
    Raises: Unavailable.
    """
    lanes: dict[int, list[Document]] = {}
    for number, kind, document in under:
        if document["partner"] != call.partner:
            continue  # ids are unique within a partner only: a partner's own name is one
        passed = after.get(number, 0)
        logged = await call.storage.event_log.lines(
            call.partner, document["_id"], kind.collection, wanted, passed, limit
        )
        waiting = [
            line_of(
                entry,
                partner=call.partner,
                collection=kind.collection,
                aggregate_id=document["_id"],
            )
            for entry in document["outbox"]
        ]
        lines = {each["version"]: each for each in waiting if _matches(each, wanted, passed)}
        lines |= {each["version"]: each for each in logged}
        lanes[number] = [lines[version] for version in sorted(lines)][:limit]
    return list(islice(_merged(lanes, after), limit))


def entry_view(line: Mapping[str, Any]) -> HistoryEntry:
    """A change as a history shows it."""
    return HistoryEntry(
        event_id=line["_id"],
        type=line["type"],
        version=line["version"],
        time=line["at"],
        actor=line["actor"],
        request_id=line["request_id"],
        changed=line["changed"],
    )


def told_view(line: Mapping[str, Any]) -> dict[str, Any]:
    """A change as an export shows it: with what its event tells, numbers masked as there."""
    return {**entry_view(line), "data": orjson.loads(line["body"])["data"]}


def place_to_bytes(line: Mapping[str, Any]) -> bytes:
    """Where a change stands in its history, for a cursor."""
    place: Place = line["place"]
    parts = [
        bytes([number]) + version.to_bytes(_VERSION_BYTES) for number, version in place.items()
    ]
    return b"".join(parts).ljust(PLACE_BYTES, b"\0")


def place_from_bytes(raw: bytes) -> Place:
    """What `place_to_bytes` has made of a place."""
    step = 1 + _VERSION_BYTES
    parts = [raw[at : at + step] for at in range(0, PLACE_BYTES, step)]
    # What is only there to fill the room has version 0.
    return {part[0]: int.from_bytes(part[1:]) for part in parts if any(part[1:])}


def _merged(lanes: Mapping[int, list[Document]], after: Place) -> Any:
    """The lines of all lanes, each lane in its own order; of two heads the earlier first."""
    heads, place = dict.fromkeys(lanes, 0), dict(after)
    while left := [number for number, at in heads.items() if at < len(lanes[number])]:
        number = min(left, key=lambda each: lanes[each][heads[each]]["at"])
        line = lanes[number][heads[number]]
        heads[number] += 1
        place = {**place, number: line["version"]}
        yield {**line, "place": place}


def _matches(line: Mapping[str, Any], wanted: Mapping[str, Any], passed: int) -> bool:
    """Whether MongoDB would give the line for the same query."""
    at, period = line["at"], wanted.get("at", {})
    if line["version"] <= passed or ("$gte" in period and at < period["$gte"]):
        return False
    if "$lt" in period and at >= period["$lt"]:
        return False
    return "type" not in wanted or line["type"] == wanted["type"]
