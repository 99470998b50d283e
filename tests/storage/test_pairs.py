"""Pairs: two documents under one id, each found whether or not the other is there."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from service.problems import Unavailable
from service.storage.kind import Kind
from service.storage.mongo import Driver, Mongo
from service.storage.pairs import Pair, PairReader

HATS, OWNERS = Kind("hats"), Kind("owners")


@pytest.fixture
async def mongo(mongo_uri: str, database_name: str, driver: Driver) -> AsyncIterator[Mongo]:
    """A database of the test's own."""
    mongo = Mongo(mongo_uri, database_name, driver)
    yield mongo
    await mongo.close()


async def test_each_with_the_other_or_without(mongo: Mongo) -> None:
    """To each who asks, the fields that it asked for of both documents, and None for none."""
    hats = [{"_id": id, "partner": "acme", "domain": "d", "size": 1, "rest": 2} for id in "ab"]
    owners = [{"_id": id, "partner": "acme", "name": id, "rest": 2} for id in "bc"]
    await mongo.insert("hats", hats)
    await mongo.insert("owners", owners)
    reader = PairReader(mongo, Pair(HATS, ("size",), OWNERS, ("name",)))
    both = {id: {"_id": id, "partner": "acme", "domain": "d", "size": 1} for id in "ab"}
    found = await asyncio.gather(*(reader.read(id) for id in "abcdb"))
    assert found == [
        (both["a"], None),
        (both["b"], {"_id": "b", "name": "b"}),
        (None, {"_id": "c", "name": "c"}),
        (None, None),
        (both["b"], {"_id": "b", "name": "b"}),
    ]
    assert await reader.read("b") == found[1]


async def test_a_batch_larger_than_one_round_trip(mongo: Mongo) -> None:
    """However many ask at once, each gets its own."""
    ids = [f"{number:04}" for number in range(1_000)]
    await mongo.insert("hats", [{"_id": id, "partner": "acme"} for id in ids])
    await mongo.insert("owners", [{"_id": id, "name": id} for id in ids])
    reader = PairReader(mongo, Pair(HATS, (), OWNERS, ("name",)))
    for id, (hat, owner) in zip(ids, await asyncio.gather(*map(reader.read, ids)), strict=True):
        assert hat is not None
        assert owner == {"_id": id, "name": id}


async def test_found_by_another_field(mongo: Mongo) -> None:
    """The second may be found by another unique value than the id of the first."""
    hats = [{"_id": id, "partner": "acme"} for id in "ab"]
    await mongo.insert("hats", hats)
    owners = [{"_id": id, "partner": "acme", "seat": id.upper(), "name": id} for id in "xyz"]
    await mongo.insert("owners", owners)
    reader = PairReader(mongo, Pair(HATS, (), OWNERS, ("name",), "seat"))
    asked = [("a", "X"), ("a", "Y"), ("b", "X"), ("b", "x"), ("c", "Z")]
    found = await asyncio.gather(*(reader.read(id, seat) for id, seat in asked))
    names = [(hat and hat["_id"], owner and owner["name"]) for hat, owner in found]
    assert names == [("a", "x"), ("a", "y"), ("b", "x"), ("b", None), (None, "z")]


async def test_no_database() -> None:
    """Without MongoDB it is not available, as any other read."""
    away = Mongo("mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100", "none")
    with pytest.raises(Unavailable):
        await PairReader(away, Pair(HATS, (), OWNERS, ())).read("a")
    await away.close()
