"""What the driver promises holds for statements that go past its own layers, too."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import AsyncMongoClient

from service.problems import Unavailable
from service.storage.errors import Duplicate, Refused
from service.storage.mongo import Driver, Mongo
from tests.faults.proxy import Proxy, proxy_before

MEGABYTE = 1_048_576
ONE_WRITTEN = b"\x10n\x00\x01\x00\x00\x00"
"""`n: 1` in BSON: of all answers only that to a write of one document has it."""
STEPS = 40
"""Turns of the loop: more than a statement takes, and all of the first one's."""


@pytest.fixture
async def mongo(mongo_uri: str, database_name: str, driver: Driver) -> AsyncIterator[Mongo]:
    opened = Mongo(mongo_uri, database_name, driver)
    yield opened
    await opened.close()


@pytest.fixture
async def proxy(mongo_uri: str) -> AsyncIterator[Proxy]:
    port = urlsplit(mongo_uri).port
    assert port is not None
    async with proxy_before(port) as between:
        yield between


@pytest.fixture
async def behind(proxy: Proxy, database_name: str, driver: Driver) -> AsyncIterator[Mongo]:
    """A database that is reached through the proxy alone."""
    opened = Mongo(f"mongodb://{proxy.address}/?directConnection=true", database_name, driver)
    await opened.ping()
    yield opened
    await opened.close()


async def test_insert_whose_answer_is_lost(proxy: Proxy, behind: Mongo, mongo: Mongo) -> None:
    """It is sent again, and MongoDB knows it: nobody hears of a duplicate."""
    proxy.hold_inward(ONE_WRITTEN)
    inserting = asyncio.ensure_future(behind.insert("things", [{"_id": "it"}]))
    await proxy.on_hold.wait()
    proxy.cut()
    assert await inserting == {}
    refused = await behind.insert("things", [{"_id": "it"}, {"_id": "other"}])
    assert list(refused) == [0]
    assert isinstance(refused[0], Duplicate)
    assert len(await mongo.find("things", {})) == 2


async def test_update_whose_answer_is_lost(proxy: Proxy, behind: Mongo, mongo: Mongo) -> None:
    """It may have been carried out, is not sent again, and the caller hears that."""
    await mongo.insert("things", [{"_id": "it", "times": 0}])
    proxy.hold_inward(ONE_WRITTEN)
    once_more = [{"$set": {"times": {"$add": ["$times", 1]}}}]
    updating = asyncio.ensure_future(behind.update_all("things", {"_id": "it"}, once_more))
    await proxy.on_hold.wait()
    proxy.cut()
    with pytest.raises(Unavailable):
        await updating
    assert await mongo.find("things", {}) == [{"_id": "it", "times": 1}]


async def test_read_whose_answer_is_lost(proxy: Proxy, behind: Mongo) -> None:
    """It is sent again."""
    await behind.insert("things", [{"_id": "what is looked for"}])
    proxy.hold_inward(b"what is looked for")
    reading = asyncio.ensure_future(behind.find("things", {}, limit=1))
    await proxy.on_hold.wait()
    proxy.cut()
    assert await reading == [{"_id": "what is looked for"}]


@pytest.mark.parametrize("driver", ["pymongo"], indirect=True)  # Motor meets it with the ping
async def test_connection_closed_while_nobody_used_it(proxy: Proxy, behind: Mongo) -> None:
    """Not even a statement that is sent once only meets it."""
    await behind.insert("things", [{"_id": "it"}])
    proxy.cut()
    await behind.ping()
    assert await behind.update_all("things", {"_id": "it"}, [{"$set": {"known": True}}]) == 1


async def test_the_next_answer_is_the_next_ones(mongo: Mongo) -> None:
    """Whenever the one before was cancelled."""
    await mongo.insert("things", [{"_id": "first"}, {"_id": "second"}])
    for steps in range(STEPS):
        first = asyncio.ensure_future(mongo.find("things", {"_id": "first"}, limit=1))
        for _ in range(steps):
            await asyncio.sleep(0)
        first.cancel()
        assert await mongo.find("things", {"_id": "second"}, limit=1) == [{"_id": "second"}]


async def test_more_than_a_reply_holds(
    mongo: Mongo, mongo_admin: AsyncMongoClient[dict[str, Any]], database_name: str
) -> None:
    """All is found, and no cursor stays behind."""
    large = [{"_id": name, "text": name * 7 * MEGABYTE} for name in "abc"]
    await mongo.insert("things", large)
    assert await mongo.find("things", {}, sort="_id", limit=3) == large
    left = await mongo_admin.admin.aggregate(
        [
            {"$currentOp": {"idleCursors": True}},
            {"$match": {"type": "idleCursor", "ns": f"{database_name}.things"}},
        ]
    )
    assert await left.to_list() == []


async def test_more_than_a_message_holds(mongo: Mongo) -> None:
    """It goes in several."""
    large = [{"_id": name, "text": name * 13 * MEGABYTE} for name in "abcd"]
    assert await mongo.insert("things", large) == {}
    found = await mongo.find("things", {}, {"_id": True}, sort="_id", limit=4)
    assert [document["_id"] for document in found] == list("abcd")


async def test_more_than_a_statement_holds(mongo: Mongo) -> None:
    await mongo.insert("things", [{"_id": "it"}])
    text = {"$literal": "x" * 17 * MEGABYTE}
    with pytest.raises(Refused):
        await mongo.update_all("things", {"_id": "it"}, [{"$set": {"text": text}}])
    assert await mongo.find("things", {}, limit=1) == [{"_id": "it"}]
