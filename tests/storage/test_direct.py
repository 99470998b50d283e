"""What the driver promises holds for statements that go past its own layers, too."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from service.problems import Unavailable
from service.storage.errors import Duplicate, Refused
from service.storage.lines import MOST
from service.storage.mongo import Driver, Mongo
from service.storage.session import BATCH
from service.wire import to_json
from tests.faults.proxy import Proxy, proxy_before
from tests.servers import PrivateServers

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


@pytest.fixture(scope="module")
async def failing_uri(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A mongod that can be told to fail."""
    servers = PrivateServers(tmp_path_factory.mktemp("failing"))
    started = await servers.mongo(arguments=("--setParameter", "enableTestCommands=1"))
    yield started.url
    servers.kill()


LOST = {"closeConnection": True}
STEPPED_DOWN = {"errorCode": 10107}
UNREACHABLE = {"errorCode": 6}
AUTHENTICATE_ANEW = {"errorCode": 391}
OVERLOADED = {"errorCode": 462, "errorLabels": ["RetryableError", "SystemOverloadedError"]}
NOT_TO_LAST = {
    "writeConcernError": {"code": 91, "errmsg": "shuts down"},
    "errorLabels": ["RetryableWriteError"],
}


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    ("command", "failure"),
    [
        pytest.param("find", LOST, id="find-lost"),
        pytest.param("find", STEPPED_DOWN, id="find-stepped_down"),
        pytest.param("find", UNREACHABLE, id="find-unreachable"),
        pytest.param("insert", LOST, id="insert-lost"),
        pytest.param("insert", STEPPED_DOWN, id="insert-stepped_down"),
        pytest.param("insert", UNREACHABLE, id="insert-unreachable"),
        pytest.param("insert", NOT_TO_LAST, id="insert-not_to_last"),
        pytest.param("update", LOST, id="update-lost"),
        pytest.param("update", NOT_TO_LAST, id="update-not_to_last"),
    ],
)
async def test_what_passes(
    failing_uri: str, driver: Driver, command: str, failure: dict[str, Any], times: int
) -> None:
    """It is tried again for as long as there is time; what was written counts once."""
    await _overcome(failing_uri, driver, command, failure, times)


@pytest.mark.parametrize("failure", [AUTHENTICATE_ANEW, OVERLOADED], ids=["anew", "overloaded"])
@pytest.mark.parametrize("command", ["find", "insert", "update"])
async def test_what_newer_servers_say(
    failing_uri: str, driver: Driver, command: str, failure: dict[str, Any]
) -> None:
    await _overcome(failing_uri, driver, command, failure, 1)


async def _overcome(
    uri: str, driver: Driver, command: str, failure: dict[str, Any], times: int
) -> None:
    mongo = Mongo(uri, f"test_{uuid4().hex}", driver)
    await mongo.insert("things", [{"_id": "it", "times": 0}])
    async with AsyncMongoClient[dict[str, Any]](uri) as admin:
        data = {"failCommands": [command], "appName": "svc-user", **failure}
        await admin.admin.command(
            {"configureFailPoint": "failCommand", "mode": {"times": times}, "data": data}
        )
    if command == "find":
        assert await mongo.find("things", {}, limit=1) == [{"_id": "it", "times": 0}]
    elif command == "insert":
        assert await mongo.insert("things", [{"_id": "other"}]) == {}
        assert len(await mongo.find("things", {})) == 2
    else:
        once_more = ({"_id": "it"}, {"$inc": {"times": 1}})
        assert await mongo.update("things", [once_more]) == (1, {})
        assert await mongo.find("things", {}) == [{"_id": "it", "times": 1}]
    await mongo.drop()
    await mongo.close()


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


async def test_more_than_there_are_connections(mongo: Mongo) -> None:
    """Those that came first are answered first: none waits for long because others come."""
    await mongo.insert("things", [{"_id": number} for number in range(500)])
    answered: list[int] = []

    async def ask(number: int) -> None:
        assert await mongo.find("things", {"_id": number}, limit=1)
        answered.append(number)

    await asyncio.gather(*map(ask, range(500)))  # while there are no connections yet
    answered.clear()
    await asyncio.gather(*map(ask, range(500)))
    late = [abs(place - number) for place, number in enumerate(answered)]
    assert max(late) < 2 * MOST


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


@pytest.mark.parametrize("majority", [False, True])
async def test_more_than_a_batch(mongo: Mongo, majority: bool) -> None:
    """All that match, where no limit is given."""
    await mongo.insert("things", [{"_id": number} for number in range(2 * BATCH + 1)])
    found = await mongo.find("things", {}, sort="_id", majority=majority)
    assert [document["_id"] for document in found] == list(range(2 * BATCH + 1))


@pytest.mark.parametrize("count", [1, 2 * BATCH + 1])
async def test_naive_times(mongo: Mongo, count: int) -> None:
    """The same moments, at any depth, in every batch; and the same in JSON."""
    at = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    kept = [{"_id": number, "at": at, "within": [{"at": at}]} for number in range(count)]
    await mongo.insert("things", kept)
    found = await mongo.find("things", {}, sort="_id")
    naive = await mongo.find("things", {}, sort="_id", naive=True)
    assert found == kept
    bare = at.replace(tzinfo=None)
    assert naive == [{**each, "at": bare, "within": [{"at": bare}]} for each in kept]
    assert to_json(naive) == to_json(found)


async def test_more_than_a_message_holds(mongo: Mongo) -> None:
    """It goes in several."""
    large = [{"_id": name, "text": name * 13 * MEGABYTE} for name in "abcd"]
    assert await mongo.insert("things", large) == {}
    found = await mongo.find("things", {}, {"_id": True}, sort="_id", limit=4)
    assert [document["_id"] for document in found] == list("abcd")


async def test_one_part_is_too_large(mongo: Mongo) -> None:
    """Its neighbours are none the worse for it."""
    refused = await mongo.insert(
        "things", [{"_id": "a"}, {"_id": "b", "text": "x" * 16 * MEGABYTE}, {"_id": "c"}]
    )
    assert list(refused) == [1]
    assert len(await mongo.find("things", {})) == 2


async def test_many_parts(mongo: Mongo) -> None:
    """More than the 100,000 of one command."""
    assert await mongo.insert("things", [{"_id": number} for number in range(100_001)]) == {}


async def test_duplicate_that_is_told_by_half(mongo: Mongo) -> None:
    """MongoDB cuts a long text in its error, in the middle of a character as it happens."""
    for letters in range(1, 5):
        twice = {"_id": "a" * letters + "\u65e5" * 80}
        await mongo.insert("things", [twice])
        refused = await mongo.insert("things", [{"_id": letters}, twice])
        assert list(refused) == [1]
        assert isinstance(refused[1], Duplicate)
    assert len(await mongo.find("things", {})) == 8


async def test_more_than_a_statement_holds(mongo: Mongo) -> None:
    await mongo.insert("things", [{"_id": "it"}])
    text = {"$literal": "x" * 17 * MEGABYTE}
    with pytest.raises(Refused):
        await mongo.update_all("things", {"_id": "it"}, [{"$set": {"text": text}}])
    assert await mongo.find("things", {}, limit=1) == [{"_id": "it"}]
