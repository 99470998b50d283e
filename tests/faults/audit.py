"""The audit: what was acknowledged, what MongoDB holds, what the stream tells and what is logged.

The four are read whole, each by its own way in, and every difference between them is a finding.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from nats.aio.client import Client
from pymongo import AsyncMongoClient

from service.app import KINDS
from service.privacy import ERASURES
from service.privacy.held import PEOPLE
from service.resources import STREAM
from service.storage.batches import EVENT_LOG
from service.storage.kind import ERASED_AT
from tests.eventually import eventually
from tests.faults.house import DATABASE, House
from tests.faults.load import Load

log = logging.getLogger(__name__)

Document = dict[str, Any]
Aggregate = tuple[str, str]
"""Collection and id. The id alone is not enough: a user and its preferences have the same."""

_COLLECTIONS = {
    "user": "users",
    "administrator": "entities",
    "business": "entities",
    "entity": "entities",
    "identity": "persons",
    "verification": "verifications",
    "account": "accounts",
    "membership": "memberships",
    "preference": "preferences",
    "profile": "profiles",
    "token": "sessions",
    "partner": "partners",
}
"""Where the aggregates are whose events a service tells."""

_PEOPLE = {each.kind.collection for each in PEOPLE}


class Wrong(StrEnum):
    """What can be wrong, as the table says it."""

    MISSING = "acknowledged changes missing"
    UNTOLD = "changes without an event"
    UNMADE = "events without a change"
    DOUBLE = "duplicates"
    DISORDER = "out of order"
    OTHERWISE = "logged otherwise than told"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was promised."""

    wrong: Wrong
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it stands in the stream."""

    subject: str
    seq: int
    message_id: str
    body: bytes
    event: Document

    @property
    def aggregate(self) -> Aggregate:
        return _COLLECTIONS[self.event["type"].partition(".")[0]], self.event["subject"]

    @property
    def version(self) -> int:
        version: int = self.event["aggregateversion"]
        return version


@dataclass(frozen=True, slots=True)
class Books:
    """All that is kept after the faults, and what the callers were told."""

    load: Load
    documents: dict[Aggregate, Document]
    stream: list[Told]
    log: dict[str, Document]

    def summary(self) -> str:
        """How much there is of each."""
        return f"{len(self.documents)} aggregates, {len(self.stream)} events told"

    def findings(self) -> list[Finding]:
        """Everything that is not as it was promised; empty when all is well."""
        return [
            *(Finding(Wrong.MISSING, text) for text in self._acknowledged_and_lost()),
            *(Finding(Wrong.UNTOLD, text) for text in self._untold()),
            *(Finding(Wrong.UNMADE, text) for text in self._unmade()),
            *(Finding(Wrong.DOUBLE, text) for text in self._told_twice()),
            *(Finding(Wrong.DISORDER, text) for text in self._out_of_order()),
            *(Finding(Wrong.OTHERWISE, text) for text in self._logged_otherwise()),
        ]

    def versions_told(self) -> dict[Aggregate, list[int]]:
        """Each aggregate's versions, in the order in which the stream tells of them."""
        versions: dict[Aggregate, list[int]] = defaultdict(list)
        for told in self.stream:
            versions[told.aggregate].append(told.version)
        return dict(versions)

    def versions_logged(self) -> dict[Aggregate, list[int]]:
        """Each aggregate's versions that the event log has."""
        versions: dict[Aggregate, list[int]] = defaultdict(list)
        for each in self.log.values():
            versions[each["collection"], each["aggregate_id"]].append(each["version"])
        return {aggregate: sorted(found) for aggregate, found in versions.items()}

    def _acknowledged_and_lost(self) -> Iterator[str]:
        """What a caller was told is in an event, and the document tells what its last one does."""
        told: dict[str, set[int | None]] = defaultdict(set)
        for one in self.stream:
            told[one.event["requestid"]] |= {one.version, None}
        for each in self.load.acknowledged:
            if each.request_id in self.load.erased:
                continue
            if each.version not in told[each.request_id]:
                yield f"{each} was acknowledged, and is not in the stream"
        last = {each.aggregate: each.event for each in self.stream}
        for aggregate, event in last.items():
            name = event["data"].get("user", {}).get("first_name")
            if name and name != self.documents.get(aggregate, {}).get("first_name"):
                yield f"{aggregate}: the last event tells another name than MongoDB has"

    def _is_erased(self, aggregate: Aggregate) -> bool:
        """Whether only the last event of an aggregate may be left, or none."""
        return ERASED_AT in self.documents.get(aggregate, {})

    def _untold(self) -> Iterator[str]:
        versions = self.versions_told()
        for aggregate, document in self.documents.items():
            made = {*range(1, document["version"] + 1)}
            if self._is_erased(aggregate):
                made = {document["version"]} if aggregate[0] in _PEOPLE else set()
            missing = made.difference(versions.get(aggregate, []))
            if missing:
                yield f"{aggregate}: nothing tells of {sorted(missing)} of {document['version']}"
            for entry in document["outbox"]:
                yield f"{aggregate}: version {entry['version']} is still in the outbox"

    def _unmade(self) -> Iterator[str]:
        for told in self.stream:
            newest = self.documents.get(told.aggregate, {"version": 0})["version"]
            if told.version > newest:
                yield f"{told.aggregate} is told to have version {told.version}, and has {newest}"
            if told.event["requestid"] in self.load.refused:
                yield f"{told.aggregate}: version {told.version} is of a request that was refused"
            if told.event["requestid"] not in self.load.sent:
                yield f"{told.aggregate}: version {told.version} is of a request that nobody sent"

    def _told_twice(self) -> Iterator[str]:
        ids: set[str] = set()
        versions: set[tuple[Aggregate, int]] = set()
        made: dict[tuple[str, str], str] = {}
        for told in self.stream:
            if told.event["id"] in ids:
                yield f"{told.aggregate}: event {told.event['id']} is told twice"
            if told.message_id != told.event["id"]:
                yield f"{told.subject}: Nats-Msg-Id is not the event's id"
            if (told.aggregate, told.version) in versions:
                yield f"{told.aggregate}: version {told.version} is told twice"
            ids.add(told.event["id"])
            versions.add((told.aggregate, told.version))
            request = told.event["requestid"], told.event["type"]
            if told.version == 1 and made.setdefault(request, told.subject) != told.subject:
                yield f"request {request} made two: {told.subject} and {made[request]}"

    def _out_of_order(self) -> Iterator[str]:
        for aggregate, versions in self.versions_told().items():
            if versions != sorted(versions):
                yield f"{aggregate} is told as {versions}"

    def _logged_otherwise(self) -> Iterator[str]:
        told = {each.event["id"]: each for each in self.stream}
        logged = {
            id
            for id, each in self.log.items()
            # A line that came late into the log is found by a later look of the erasure.
            if not self._is_erased((each["collection"], each["aggregate_id"])) or id in told
        }
        for id in told.keys() ^ logged:
            yield f"event {id} is in the {'stream' if id in told else 'log'} only"
        for id in told.keys() & logged:
            if self.log[id]["body"] != told[id].body:
                yield f"event {id} is logged otherwise than it was told"


async def audited(house: House, load: Load) -> list[Finding]:
    """The findings, once no outbox has anything in it any more; logs what the load has been."""
    began = time.monotonic()
    await all_told(house)
    took = time.monotonic() - began
    books = await settled_books(house, load)
    log.info("%s; outboxes empty after %.1f s; %s", load.summary(), took, books.summary())
    return books.findings()


async def settled_books(house: House, load: Load) -> Books:
    """The books, read once no outbox has anything in it any more."""
    await all_told(house)
    async with AsyncMongoClient[Document](house.mongo.url) as mongo:
        documents: dict[Aggregate, Document] = {}
        for kind in KINDS:
            found = await mongo[DATABASE][kind.collection].find().to_list()
            documents |= {(kind.collection, document["_id"]): document for document in found}
        logged = await mongo[DATABASE][EVENT_LOG].find().to_list()
    log_by_id = {each["_id"]: each for each in logged}
    return Books(load, documents, await whole_stream(house.bus), log_by_id)


async def all_told(house: House) -> None:
    """Return when no outbox has anything in it, and no erasure is under way."""

    async def nothing_waits() -> bool:
        return await waiting(house) == 0

    await eventually(nothing_waits, within=60, what="every outbox is empty")


async def waiting(house: House) -> int:
    """How many aggregates have events in their outbox, and how many erasures are not done."""
    async with AsyncMongoClient[Document](house.mongo.url) as mongo:
        counts = [
            await mongo[DATABASE][kind.collection].count_documents({"outbox": {"$ne": []}})
            for kind in KINDS
        ]
        counts.append(await mongo[DATABASE][ERASURES.collection].count_documents({"looks": 0}))
    return sum(counts)


async def whole_stream(client: Client) -> list[Told]:
    """All that the stream holds, in its order."""
    jetstream = client.jetstream()
    left = (await jetstream.stream_info(STREAM)).state.messages
    subscription = await jetstream.subscribe("evt.>", stream=STREAM, ordered_consumer=True)
    found = []
    for _ in range(left):
        message = await subscription.next_msg(timeout=10)
        headers = message.headers or {}
        found.append(
            Told(
                message.subject,
                message.metadata.sequence.stream,
                headers.get("Nats-Msg-Id", ""),
                message.data,
                orjson.loads(message.data),
            )
        )
    await subscription.unsubscribe()
    return found
