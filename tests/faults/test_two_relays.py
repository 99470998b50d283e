"""What one worker has published and not settled, another one comes upon."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import orjson
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from service.bus.connection import Connection
from service.bus.relay import Relay
from service.resources import STREAM
from service.storage.batches import EVENT_LOG
from service.storage.mongo import Mongo
from service.storage.outbox import Entry, Pending, subject_of
from service.storage.settling import Settler
from tests.eventually import eventually
from tests.faults.house import WINDOW_SECONDS
from tests.servers import PrivateServers

Document = dict[str, Any]
PARTNER = "acme"
SOON = 3.0
USER = "0190a0a0-0000-7000-8000-000000000001"


def entry(version: int) -> Entry:
    id = str(uuid4())
    return {
        "id": id,
        "type": "user.updated",
        "version": version,
        "at": datetime.now(UTC),
        "actor": "tests",
        "request_id": id,
        "changed": [],
        "body": orjson.dumps({"id": id, "aggregateversion": version}),
    }


class Pausing:
    """A MongoDB that can be made to keep waiting: an insert before it is made, a read after."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._paused: dict[str, asyncio.Event] = {}
        self.waiting = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mongo, name)

    def pause(self, what: str) -> None:
        self._paused[what] = asyncio.Event()

    def go_on(self) -> None:
        for paused in self._paused.values():
            paused.set()

    async def insert(self, collection: str, documents: Any) -> Mapping[int, Exception]:
        await self._wait("insert")
        return await self._mongo.insert(collection, documents)

    async def find(self, collection: str, *query: Any, **options: Any) -> list[Document]:
        found = await self._mongo.find(collection, *query, **options)
        await self._wait("find")
        return found

    async def _wait(self, what: str) -> None:
        if what in self._paused:
            self.waiting = True
            await self._paused[what].wait()


class Table:
    """A stream, a collection, and a relay between them."""

    def __init__(self, url: str, mongo: Mongo, database: AsyncDatabase[Document]) -> None:
        self._url = url
        self.connection = Connection()
        self.jetstream = self.connection.jetstream()
        self.users = database["users"]
        self.mongo = Pausing(mongo)
        self.relay = Relay(
            self.connection, self.jetstream, STREAM, Settler(cast(Mongo, self.mongo))
        )

    async def start(self) -> None:
        await self.connection.connect(self._url)
        await self.jetstream.add_stream(
            name=STREAM, subjects=["evt.>"], duplicate_window=WINDOW_SECONDS
        )
        await self.relay.start()

    async def publish(self, entry: Entry) -> None:
        """Publish as another worker does that dies before it settles."""
        await self.jetstream.publish(
            subject_of(entry, PARTNER, USER), entry["body"], headers={"Nats-Msg-Id": entry["id"]}
        )

    async def pending(self) -> Pending:
        """What a sweep reads from the document."""
        document = await self.users.find_one({"_id": USER})
        assert document is not None
        after = document.get("stream_seq", 0)
        return Pending("users", USER, PARTNER, after, document["outbox"])

    async def versions_told(self) -> list[int]:
        """The versions in the stream, in its order."""
        count = (await self.jetstream.stream_info(STREAM)).state.last_seq
        messages = [await self.jetstream.get_msg(STREAM, seq) for seq in range(1, count + 1)]
        return [orjson.loads(each.data or b"")["aggregateversion"] for each in messages]


@pytest.fixture
async def table(
    private_servers: PrivateServers,
    mongo_uri: str,
    mongo_admin: AsyncMongoClient[Document],
    database_name: str,
) -> AsyncIterator[Table]:
    nats, mongo = await private_servers.nats(), Mongo(mongo_uri, database_name)
    table = Table(nats.url, mongo, mongo_admin[database_name])
    await table.start()
    yield table
    await table.relay.stop(1)
    await table.connection.close()
    await mongo.close()


async def has(table: Table, count: int) -> bool:
    """Whether the stream has as many events."""
    return (await table.jetstream.stream_info(STREAM)).state.last_seq == count


async def test_left_behind(table: Table) -> None:
    """An event that the stream has, and another worker left in the outbox, is not told again.

    This worker knows of two events, the stream has three: what it settles must not make the third
    look like one that is still to come.
    """
    entries = [entry(version) for version in (1, 2, 3)]
    await table.users.insert_one({"_id": USER, "version": 3, "outbox": entries})
    for each in entries:
        await table.publish(each)

    await table.relay.deliver([Pending("users", USER, PARTNER, 0, entries[:2])])
    left = await table.pending()
    assert [each["version"] for each in left.entries] == [3]
    await asyncio.sleep(3 * WINDOW_SECONDS)  # the stream knows the ids no longer
    await table.relay.deliver([left])

    assert await table.versions_told() == [1, 2, 3]
    assert (await table.pending()).entries == []


async def test_told_while_settling(table: Table) -> None:
    """An event that another worker told meanwhile comes to this one together with a newer one.

    This worker has heard from the stream that it has version 2, before it saw it in an outbox: it
    must take it out of there, or else the newer one makes it look like one that is still to come.
    """
    entries = [entry(version) for version in (1, 2, 3)]
    await table.users.insert_one({"_id": USER, "version": 3, "outbox": entries})
    for each in entries[:2]:
        await table.publish(each)

    table.mongo.pause("insert")
    table.relay.submit(Pending("users", USER, PARTNER, 0, entries[:1]))
    await eventually(lambda: table.mongo.waiting, what="the first one is being settled")
    table.relay.submit(Pending("users", USER, PARTNER, 0, entries))
    await eventually(lambda: has(table, 3), what="the stream has the third")
    table.mongo.go_on()
    await eventually(lambda: table.relay.backlog == 0, what="all are settled")

    await asyncio.sleep(3 * WINDOW_SECONDS)  # the stream knows the ids no longer
    left = await table.pending()
    if left.entries:
        await table.relay.deliver([left])
    assert left.entries == []
    assert await table.versions_told() == [1, 2, 3]


async def test_erased_meanwhile(table: Table) -> None:
    """What another worker has settled, and was erased since, is neither told nor logged again.

    Whether the stream has a later event of the aggregate, or nothing of it any more.
    """
    entries = [entry(version) for version in (1, 2)]
    await table.users.insert_one({"_id": USER, "version": 3, "outbox": []})
    last = entry(3)
    await table.publish(last)
    await table.relay.deliver([Pending("users", USER, PARTNER, 7, entries)])
    assert await table.versions_told() == [3]
    await table.jetstream.purge_stream(STREAM)
    await table.relay.deliver([Pending("users", USER, PARTNER, 7, entries)])
    assert (await table.jetstream.stream_info(STREAM)).state.messages == 0
    assert await table.mongo.find(EVENT_LOG, {}) == []
    assert table.relay.backlog == 0


async def test_submitted_while_asking(table: Table) -> None:
    """An event that comes while the relay reads what is left in the outbox is not left out.

    Else the next one would be told without it, and it would seem to have been told before.
    """
    entries = [entry(version) for version in (1, 2, 3)]
    await table.users.insert_one({"_id": USER, "version": 2, "outbox": entries[:2]})
    await table.publish(entries[0])

    table.mongo.pause("find")
    table.relay.submit(Pending("users", USER, PARTNER, 0, entries[:2]))
    await eventually(lambda: table.mongo.waiting, what="the relay has read the outbox")
    await table.users.update_one({"_id": USER}, {"$set": {"version": 3, "outbox": entries}})
    table.relay.submit(Pending("users", USER, PARTNER, 0, entries))
    table.mongo.go_on()
    await eventually(lambda: table.relay.backlog == 0, what="all are settled")

    assert await table.versions_told() == [1, 2, 3]
    assert (await table.users.find_one({"_id": USER}) or {})["outbox"] == []


async def test_read_before_it_was_settled(table: Table) -> None:
    """A change of a document that was read with events in its outbox, which are settled since.

    They are not told again, and neither the stream nor MongoDB has to be asked for it.
    """
    entries = [entry(version) for version in (1, 2)]
    await table.users.insert_one({"_id": USER, "version": 1, "outbox": entries[:1]})
    await table.relay.deliver([await table.pending()])

    table.mongo.pause("find")
    await table.users.update_one({"_id": USER}, {"$set": {"version": 2, "outbox": entries[1:]}})
    table.relay.submit(Pending("users", USER, PARTNER, 0, entries))
    await eventually(lambda: table.relay.backlog == 0, what="the second is told and settled")
    assert not table.mongo.waiting
    assert await table.versions_told() == [1, 2]
    assert (await table.pending()).entries == []


async def test_refused(table: Table) -> None:
    """An event that the stream refuses, for whatever reason, stays in the outbox."""
    await table.users.insert_one({"_id": USER, "version": 1, "outbox": [entry(1)]})
    config = (await table.jetstream.stream_info(STREAM)).config
    await table.jetstream.update_stream(config.evolve(max_msg_size=8))
    await table.relay.deliver([await table.pending()])
    assert len((await table.pending()).entries) == 1

    await table.jetstream.update_stream(config)
    await table.relay.deliver([await table.pending()])
    assert (await table.pending()).entries == []
    assert await table.versions_told() == [1]


async def test_something_else_on_the_subject(table: Table) -> None:
    """A message that is no event stops its own aggregate only, and no sweep."""
    await table.users.insert_one({"_id": USER, "version": 1, "outbox": [entry(1)]})
    await table.jetstream.publish(f"evt.user.{PARTNER}.{USER}.updated", b"[]")
    await table.relay.deliver([await table.pending()])
    assert len((await table.pending()).entries) == 1
    assert table.relay.backlog == 0


async def test_unanswered(table: Table) -> None:
    """An event that the stream does not answer for keeps nobody waiting, and is told later."""
    await table.users.insert_one({"_id": USER, "version": 1, "outbox": [entry(1)]})
    await table.jetstream.delete_stream(STREAM)
    silent = await table.connection.subscribe("evt.>")  # else NATS says that nobody listens
    await asyncio.wait_for(table.relay.deliver([await table.pending()]), SOON)
    assert table.relay.backlog == 1

    await silent.unsubscribe()
    await table.jetstream.add_stream(name=STREAM, subjects=["evt.>"])
    await eventually(lambda: table.relay.backlog == 0, what="the stream has been asked, and told")
    assert await table.versions_told() == [1]
