"""Settling: the event log first, then the outbox."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast
from uuid import uuid4

from service.problems import Unavailable
from service.storage.batches import EVENT_LOG
from service.storage.mongo import Document, Mongo
from service.storage.settling import Acknowledged, Settler
from tests.eventually import eventually
from tests.storage.conftest import THINGS, Meeting, Shelf


class Failing:
    """A MongoDB that is out of reach for some writes, and notes to which collections they went."""

    def __init__(self, mongo: Mongo, *fails: str) -> None:
        self._mongo = mongo
        self._fails = list(fails)
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(collection: str, *arguments: object) -> Any:
            if collection in self._fails:
                self._fails.remove(collection)
                self.done.append(f"not {collection}")
                raise Unavailable
            self.done.append(collection)
            return await getattr(self._mongo, name)(collection, *arguments)

        return call


async def settled(shelf: Shelf, mongo: Any) -> Document:
    """Settle the first event of a new thing, and give the thing as it is afterwards."""
    made = await shelf.make("hat")
    called: list[str] = []
    acknowledged = Acknowledged(THINGS.collection, made["_id"], shelf.partner, made["outbox"][0], 7)
    Settler(mongo).add(acknowledged, lambda: called.append("done"))
    await eventually(lambda: called)
    kept = await shelf.things.read(made["_id"])
    assert kept is not None
    [logged] = await shelf.mongo.find(EVENT_LOG, {"aggregate_id": made["_id"]})
    assert logged["_id"] == made["outbox"][0]["id"]
    assert logged["body"] == made["outbox"][0]["body"]
    return kept


async def test_log_before_pull(shelf: Shelf) -> None:
    """An event is in the log before it is out of the outbox; its sequence is kept."""
    mongo = Failing(shelf.mongo)
    kept = await settled(shelf, mongo)
    assert mongo.done == [EVENT_LOG, THINGS.collection]
    assert (kept["outbox"], kept["stream_seq"]) == ([], 7)


async def test_log_out_of_reach(shelf: Shelf) -> None:
    """What could not be logged is not pulled; both are tried again."""
    mongo = Failing(shelf.mongo, EVENT_LOG)
    kept = await settled(shelf, mongo)
    assert mongo.done == [
        f"not {EVENT_LOG}",
        EVENT_LOG,
        THINGS.collection,
    ]
    assert kept["outbox"] == []


async def test_pull_out_of_reach(shelf: Shelf) -> None:
    """What was logged but not pulled is pulled when it is tried again, and logged once."""
    mongo = Failing(shelf.mongo, THINGS.collection)
    kept = await settled(shelf, mongo)
    assert mongo.done == [
        EVENT_LOG,
        f"not {THINGS.collection}",
        EVENT_LOG,
        THINGS.collection,
    ]
    assert (kept["outbox"], kept["stream_seq"]) == ([], 7)


async def test_later_one_first(shelf: Shelf) -> None:
    """Where an older event is left in the outbox, the sequence of a newer one is not noted.

    The document would have the older one published behind the newer one.
    """
    made = await shelf.make("hat")
    changed = await shelf.set(made["_id"], count=1)
    first, second = changed["outbox"]

    async def settle(entry: Document, seq: int) -> Document:
        called: list[str] = []
        acknowledged = Acknowledged(THINGS.collection, made["_id"], shelf.partner, entry, seq)
        Settler(shelf.mongo).add(acknowledged, lambda: called.append("done"))
        await eventually(lambda: called)
        kept = await shelf.things.read(made["_id"])
        assert kept is not None
        return kept

    kept = await settle(second, 8)
    assert (kept["outbox"], "stream_seq" in kept) == ([first], False)
    kept = await settle(first, 7)
    assert (kept["outbox"], kept["stream_seq"]) == ([], 7)


async def test_collections_side_by_side(shelf: Shelf) -> None:
    """The outboxes of one collection do not wait until those of another are cleared."""
    made = await shelf.make("hat")
    settler = Settler(cast(Mongo, Meeting(shelf.mongo)))
    entry = made["outbox"][0]
    here = Acknowledged(THINGS.collection, made["_id"], shelf.partner, entry, 7)
    elsewhere = replace(here, collection="elsewhere", entry=entry | {"id": str(uuid4())})
    called: list[Acknowledged] = []
    for each in (here, elsewhere):
        settler.add(each, partial(called.append, each))
    await eventually(lambda: len(called) == 2)
    kept = await shelf.things.read(made["_id"])
    assert kept is not None
    assert kept["outbox"] == []
