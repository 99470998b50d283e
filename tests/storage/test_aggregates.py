"""Aggregates on a real MongoDB, through either driver."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from bson.errors import BSONError
from pymongo.errors import OperationFailure

from service.problems import IdempotencyKeyReused, Unavailable
from service.storage.batches import EVENT_LOG, Lost, Swap
from service.storage.errors import Duplicate
from service.storage.mongo import Document
from service.storage.outbox import version_in
from service.storage.replies import KeyTaken
from service.storage.writes import MOST_PENDING, Change
from tests.storage.conftest import THINGS, Changed, Shelf, Shelves, told

LARGEST_DOCUMENT = 16 * 2**20
VALIDATOR = {"collMod": "things", "validator": {"name": {"$ne": "poison"}}}


async def found(shelf: Shelf, id: str) -> Document:
    document = await shelf.things.read(id)
    assert document is not None
    return document


class TestInsert:
    async def test_with_its_event(self, shelf: Shelf) -> None:
        """What is inserted is version 1, with the one event that tells of it."""
        made = await shelf.make("hat")
        kept = await found(shelf, made["_id"])
        assert kept == made
        assert (kept["version"], kept["partner"], kept["name"]) == (1, shelf.partner, "hat")
        assert kept["created_at"] == kept["updated_at"]
        [entry] = kept["outbox"]
        assert (entry["type"], entry["version"]) == ("thing.made", version_in(entry["body"]))
        [pending] = shelf.outbox.submitted
        assert (pending.id, pending.after, pending.entries) == (made["_id"], 0, [entry])

    async def test_duplicates_of_64(self, shelf: Shelf) -> None:
        """Those that want a name that is taken are refused by its index, the others inserted."""
        await shelf.make("taken")
        names = ["taken" if n % 8 == 0 else f"free {n}" for n in range(64)]
        results = await asyncio.gather(*map(shelf.make, names), return_exceptions=True)
        for name, result in zip(names, results, strict=True):
            if name == "taken":
                assert isinstance(result, Duplicate)
                assert result.index == "one_name"
            else:
                assert isinstance(result, dict)
        assert len(shelf.outbox.submitted) == 1 + 56

    @pytest.mark.parametrize("poison", ["\ud800", 2**64, -(2**63) - 1, object(), {1: 2}])
    async def test_what_cannot_be_encoded(self, shelf: Shelf, poison: Any) -> None:
        """What BSON has no form for fails before it meets the others."""
        names = [poison if n == 20 else f"thing {n}" for n in range(64)]
        results = await asyncio.gather(*map(shelf.make, names), return_exceptions=True)
        assert isinstance(results.pop(20), BSONError | OverflowError | UnicodeEncodeError)
        assert all(isinstance(result, dict) for result in results)

    @pytest.mark.parametrize("poison", ["validator", "id"])
    async def test_what_the_database_refuses(self, shelf: Shelf, poison: str) -> None:
        """What MongoDB itself will not take fails alone; its 63 neighbours are inserted."""
        await shelf.mongo.command(VALIDATOR)
        name, id = ("poison", None) if poison == "validator" else ("hat", ["an array"])
        makes = [shelf.make(f"thing {n}") for n in range(63)]
        makes.insert(20, shelf.make(name, id=id))
        results = await asyncio.gather(*makes, return_exceptions=True)
        refused = results.pop(20)
        assert isinstance(refused, OperationFailure)
        assert "poison" not in str(refused)
        assert all(isinstance(result, dict) for result in results)
        assert len(shelf.outbox.submitted) == 63


class TestIdempotency:
    async def test_20_retries_on_two_workers(self, shelves: Shelves) -> None:
        """One of the retries creates; the others find its key taken and its reply kept."""
        workers = [shelves(), shelves()]
        makes = [workers[n % 2].make(f"hat {n}", key="k") for n in range(20)]
        results = await asyncio.gather(*makes, return_exceptions=True)
        made = [result for result in results if isinstance(result, dict)]
        assert len(made) == 1
        assert sum(isinstance(result, KeyTaken) for result in results) == 19
        for worker in workers:
            kept = await worker.things.replies.kept(worker.call("k"))
            assert kept is not None
            assert kept.body == b'{"id":"%b"}' % made[0]["_id"].encode()
            assert kept.etag == 1

    async def test_retry_that_violates_two_indexes(self, shelf: Shelf) -> None:
        """A retry wants the name that the first request got: the key is what it hears of."""
        await shelf.make("hat", key="k")
        with pytest.raises(KeyTaken):
            await shelf.make("hat", key="k")
        with pytest.raises(Duplicate):
            await shelf.make("hat", key="another")
        with pytest.raises(Duplicate):
            await shelf.make("hat")

    async def test_kept_reply_is_sealed_and_bound(self, shelf: Shelf) -> None:
        """It lies there encrypted, and is given to the same request only."""
        made = await shelf.make("hat", key="k")
        assert made["_id"].encode() not in made["idempotency"]["reply"]
        with pytest.raises(IdempotencyKeyReused):
            await shelf.things.replies.kept(shelf.call("k", b"another"))
        assert await shelf.things.replies.kept(shelf.call("other")) is None
        assert await shelf.things.replies.kept(shelf.call()) is None


class TestChange:
    async def test_64_at_once_over_two_workers(self, shelves: Shelves) -> None:
        """Of 64 changes of one aggregate by two workers none is lost, and each has its event."""
        workers = [shelves(), shelves()]
        id = (await workers[0].make("hat"))["_id"]

        def count_up(document: Document | None) -> Change:
            assert document is not None
            return Change(Changed, {"count": document["count"] + 1}, told)

        results = await asyncio.gather(
            *(workers[n % 2].things.change(workers[n % 2].call(), id, count_up) for n in range(64))
        )
        assert sorted(result["count"] for result in results) == list(range(1, 65))
        kept = await found(workers[0], id)
        assert (kept["count"], kept["version"]) == (64, 65)
        versions = [entry["version"] for entry in kept["outbox"]]
        assert versions == [version_in(entry["body"]) for entry in kept["outbox"]]
        assert versions == list(range(1, 66))
        assert len({entry["id"] for entry in kept["outbox"]}) == 65

    async def test_nothing_to_do(self, shelf: Shelf) -> None:
        """A decision for nothing leaves the document as it is, without an event."""
        made = await shelf.make("hat")
        assert await shelf.things.change(shelf.call(), made["_id"], lambda _: None) == made
        assert await found(shelf, made["_id"]) == made
        assert len(shelf.outbox.submitted) == 1

    @pytest.mark.parametrize("beyond", [3_000, 12_000, 40_000])
    async def test_a_document_that_is_full(self, shelf: Shelf, beyond: int) -> None:
        """With the events that wait in it it is too large: that passes, and is no defect."""
        id = (await shelf.make("hat"))["_id"]
        things = shelf.mongo._database["things"]
        [size] = await shelf.mongo.find(
            "things", {"_id": id}, {"size": {"$bsonSize": "$$ROOT"}}, limit=1
        )
        full = b"x" * (LARGEST_DOCUMENT - size["size"] - 2_000)
        await things.update_one({"_id": id}, {"$set": {"full": full}})
        with pytest.raises(Unavailable):
            await shelf.set(id, more=b"x" * beyond)
        assert "more" not in await found(shelf, id)
        await things.update_one({"_id": id}, {"$unset": {"full": True}})
        assert (await shelf.set(id, more=b"x" * beyond))["version"] == 2

    async def test_fields_are_set_and_removed(self, shelf: Shelf) -> None:
        """What is given back is what is kept."""
        made = await shelf.make("hat")
        change = Change(Changed, {"size": 7}, told, removed=["count"])
        after = await shelf.things.change(shelf.call(), made["_id"], lambda _: change)
        assert after == await found(shelf, made["_id"])
        assert (after["size"], after["version"], "count" in after) == (7, 2, False)

    async def test_values_are_taken_as_they_are(self, shelf: Shelf) -> None:
        """Nothing that is set is read as anything but a value, alone or among neighbours."""
        values: list[object] = [
            "$name",
            "$$ROOT",
            None,
            {"$add": [1, 2]},
            [],
            {"$literal": 1},
            b"\0",
            {"a.b": 1},
        ]
        made = await asyncio.gather(*(shelf.make(f"thing {n}") for n in range(len(values))))
        for _ in range(2):
            changes = zip(made, values, strict=True)
            await asyncio.gather(*(shelf.set(each["_id"], label=v) for each, v in changes))
            kept = [await found(shelf, each["_id"]) for each in made]
            assert [each["label"] for each in kept] == values
            assert [each["name"] for each in kept] == [each["name"] for each in made]
            made, values = made[:1], values[:1]

    @pytest.mark.parametrize("poison", ["taken", "poison", "\ud800", 2**64])
    async def test_one_of_64_fails_alone(self, shelf: Shelf, poison: object) -> None:
        """One update that cannot be leaves its aggregate alone; its 63 neighbours are changed."""
        await shelf.mongo.command(VALIDATOR)
        await shelf.make("taken")
        made = await asyncio.gather(*(shelf.make(f"thing {n}") for n in range(64)))
        names = [poison if n == 20 else f"other {n}" for n in range(64)]
        changes = [shelf.set(each["_id"], name=n) for each, n in zip(made, names, strict=True)]
        results = await asyncio.gather(*changes, return_exceptions=True)
        refused = results.pop(20)
        expected = Duplicate | OperationFailure | UnicodeEncodeError | OverflowError | BSONError
        assert isinstance(refused, expected)
        assert isinstance(refused, Duplicate) == (poison == "taken")
        assert all(isinstance(result, dict) for result in results)
        assert await found(shelf, made[20]["_id"]) == made[20]
        assert (await found(shelf, made[21]["_id"]))["name"] == "other 21"

    async def test_too_many_events_wait(self, shelf: Shelf) -> None:
        """With a thousand events waiting for the stream further changes are refused for now."""
        made = await shelf.make("hat")
        waiting = [made["outbox"][0]] * (MOST_PENDING - 1)
        full = ({"_id": made["_id"]}, {"$set": {"outbox": waiting}})
        await shelf.mongo.update(THINGS.collection, [full])
        assert MOST_PENDING == 1_000
        assert (await shelf.set(made["_id"], count=1))["version"] == 2
        with pytest.raises(Unavailable):
            await shelf.set(made["_id"], count=2)
        assert (await found(shelf, made["_id"]))["version"] == 2

    async def test_too_much_waits(self, shelf: Shelf) -> None:
        """So are they when fewer events fill the document to what MongoDB holds in one."""
        made, other = await shelf.make("hat"), await shelf.make("cap")
        await shelf.set(made["_id"], label="x" * 9_000_000)
        changes = [shelf.set(made["_id"], more="x" * 8_000_000), shelf.set(other["_id"], count=1)]
        full, fine = await asyncio.gather(*changes, return_exceptions=True)
        assert isinstance(full, Unavailable)
        assert isinstance(fine, dict)


class TestSwap:
    """A compare-and-set whose outcome was not heard of is looked for in outbox and event log."""

    async def swap(self, shelf: Shelf) -> Swap:
        made, event_id = await shelf.make("hat"), str(uuid4())
        push = {"$push": {"outbox": {"id": event_id}}, "$set": {"version": 2}}
        return Swap(made["_id"], 1, push, event_id)

    async def test_repeated(self, shelf: Shelf) -> None:
        """The same again, its event still waiting, has won already; another one has lost."""
        swap, batches = await self.swap(shelf), shelf.things._batches
        await batches.swap(swap)
        await batches.swap(swap)
        with pytest.raises(Lost):
            await batches.swap(Swap(swap.id, 1, swap.update, "e-3"))
        kept = await found(shelf, swap.id)
        assert [entry["id"] for entry in kept["outbox"][1:]] == [swap.event_id]

    async def test_already_published(self, shelf: Shelf) -> None:
        """Its event may be in the event log by now, and out of the outbox."""
        swap, batches = await self.swap(shelf), shelf.things._batches
        await batches.swap(swap)
        emptied: Document = {"$set": {"outbox": []}}
        await shelf.mongo.update(THINGS.collection, [({"_id": swap.id}, emptied)])
        with pytest.raises(Lost):
            await batches.swap(swap)
        await shelf.mongo.insert(EVENT_LOG, [{"_id": swap.event_id, "partner": "acme"}])
        await batches.swap(swap)

    async def test_nobody_there(self, shelf: Shelf) -> None:
        """What does not exist is lost, and its neighbour is not."""
        swap, batches = await self.swap(shelf), shelf.things._batches
        none = Swap("nobody", 1, {"$set": {"version": 2}}, "e-9")
        results = await asyncio.gather(
            batches.swap(none), batches.swap(swap), return_exceptions=True
        )
        assert [type(result) for result in results] == [Lost, type(None)]


class TestRead:
    async def test_many_at_once(self, shelf: Shelf) -> None:
        """Each reader gets its own document, or none, and the fields it asked for."""
        made = await asyncio.gather(*(shelf.make(f"thing {n}") for n in range(40)))
        ids = [each["_id"] for each in made] * 2 + ["nobody"]
        whole = await asyncio.gather(*(shelf.things.read(id) for id in ids))
        assert whole == [*made, *made, None]
        part = await asyncio.gather(*(shelf.things.read(id, ("name",)) for id in ids))
        assert part[0] == {"_id": ids[0], "partner": shelf.partner, "version": 1, "name": "thing 0"}
        assert part[-1] is None
