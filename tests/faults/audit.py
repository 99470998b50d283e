"""The audit: what was acknowledged, what MongoDB holds, what the stream tells and what is logged.

The four are read whole, each by its own way in, and every difference between them is a finding.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from nats.aio.client import Client
from pymongo import AsyncMongoClient

from service.app import KINDS, STREAM
from service.storage.batches import EVENT_LOG
from tests.eventually import eventually
from tests.faults.house import DATABASE, House
from tests.faults.load import Acknowledged, Load

log = logging.getLogger(__name__)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it stands in the stream."""

    subject: str
    seq: int
    message_id: str
    body: bytes
    event: Document


@dataclass(frozen=True, slots=True)
class Books:
    """All that is kept after the faults, and what the callers were told."""

    acknowledged: list[Acknowledged]
    documents: dict[str, Document]
    stream: list[Told]
    log: dict[str, Document]

    def summary(self) -> str:
        """How much there is of each."""
        return f"{len(self.documents)} aggregates, {len(self.stream)} events told"

    def findings(self) -> list[str]:
        """Everything that is not as it was promised; empty when all is well."""
        return [
            *self._left_waiting(),
            *self._told_twice(),
            *self._out_of_order(),
            *self._acknowledged_and_lost(),
            *self._logged_otherwise(),
        ]

    def versions_told(self) -> dict[str, list[int]]:
        """Each aggregate's versions, in the order in which the stream tells of them."""
        versions: dict[str, list[int]] = defaultdict(list)
        for told in self.stream:
            versions[told.event["subject"]].append(told.event["aggregateversion"])
        return dict(versions)

    def versions_logged(self) -> dict[str, list[int]]:
        """Each aggregate's versions that the event log has."""
        versions: dict[str, list[int]] = defaultdict(list)
        for each in self.log.values():
            versions[each["aggregate_id"]].append(each["version"])
        return {id: sorted(found) for id, found in versions.items()}

    def _left_waiting(self) -> Iterator[str]:
        for id, document in self.documents.items():
            for entry in document["outbox"]:
                yield f"{id}: version {entry['version']} is still in the outbox"

    def _told_twice(self) -> Iterator[str]:
        seen: set[str] = set()
        for told in self.stream:
            if told.event["id"] in seen:
                yield f"{told.event['subject']}: event {told.event['id']} is told twice"
            if told.message_id != told.event["id"]:
                yield f"{told.subject}: Nats-Msg-Id is not the event's id"
            seen.add(told.event["id"])

    def _out_of_order(self) -> Iterator[str]:
        """Each aggregate's events are its versions from 1 to the newest, in this order."""
        versions = self.versions_told()
        for id in versions.keys() - self.documents.keys():
            yield f"{id}: events without an aggregate"
        for id, document in self.documents.items():
            if versions.get(id, []) != list(range(1, document["version"] + 1)):
                yield f"{id} is at version {document['version']}, told as {versions.get(id)}"

    def _acknowledged_and_lost(self) -> Iterator[str]:
        names = {
            (told.event["subject"], told.event["aggregateversion"]): told.event["data"]["user"]
            for told in self.stream
            if told.event["type"].startswith("user.")
        }
        for each in self.acknowledged:
            user = names.get((each.user_id, each.version))
            if user is None or user["first_name"] != each.first_name:
                yield f"{each} was acknowledged, and is not in the stream"
            newest = self.documents.get(each.user_id, {"version": 0})["version"]
            last = names.get((each.user_id, newest))
            if newest < each.version:
                yield f"{each} was acknowledged, and is not in MongoDB"
            elif last and last["first_name"] != self.documents[each.user_id]["first_name"]:
                yield f"{each.user_id}: the last event tells another name than MongoDB has"

    def _logged_otherwise(self) -> Iterator[str]:
        told = {each.event["id"]: each for each in self.stream}
        for id in told.keys() ^ self.log.keys():
            yield f"event {id} is in the {'stream' if id in told else 'log'} only"
        for id in told.keys() & self.log.keys():
            if self.log[id]["body"] != told[id].body:
                yield f"event {id} is logged otherwise than it was told"


async def audited(house: House, load: Load) -> list[str]:
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
        documents: dict[str, Document] = {}
        for kind in KINDS:
            found = await mongo[DATABASE][kind.collection].find().to_list()
            documents |= {document["_id"]: document for document in found}
        logged = await mongo[DATABASE][EVENT_LOG].find().to_list()
    log_by_id = {each["_id"]: each for each in logged}
    return Books(load.acknowledged, documents, await whole_stream(house.bus), log_by_id)


async def all_told(house: House) -> None:
    """Return when no outbox has anything in it."""

    async def nothing_waits() -> bool:
        return await waiting(house) == 0

    await eventually(nothing_waits, within=60, what="every outbox is empty")


async def waiting(house: House) -> int:
    """How many aggregates have events in their outbox."""
    async with AsyncMongoClient[Document](house.mongo.url) as mongo:
        counts = [
            await mongo[DATABASE][kind.collection].count_documents({"outbox": {"$ne": []}})
            for kind in KINDS
        ]
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
