"""One statement for many documents does what one for each would."""

import asyncio
import random
from copy import deepcopy
from typing import Any, cast

import pytest

from service.storage import statements
from service.storage.batches import MOST_IN_STATEMENT, Batches, Swap
from service.storage.mongo import Document, Mongo
from tests.storage.conftest import Meeting, Shelf

NAMES = ("colour", "size", "place", "partner")
VALUES: tuple[Any, ...] = (None, 0, 1.5, "", "$size", ["$colour"], {"a": {"$literal": 1}}, b"\x00")


def leaf(chance: random.Random, number: int) -> Document:
    """A document with some of the fields."""
    given = {name: chance.choice(VALUES) for name in NAMES if chance.random() < 0.6}
    older = [{"id": f"{number}.{version}", "version": version} for version in range(1, number % 3)]
    return {"_id": f"leaf {number}", "version": chance.randint(2, 9), **given, "outbox": older}


def update_of(chance: random.Random, document: Document) -> Document:
    """An update of some of the fields, of others than another has."""
    fates = {name: chance.choice(("set", "removed", "kept")) for name in NAMES}
    sets = [name for name, fate in fates.items() if fate == "set"]
    removes = [name for name, fate in fates.items() if fate == "removed"]
    version = document["version"] + 1
    event = {"id": f"{document['_id']}.{version}", "version": version, "body": "$version"}
    update: Document = {
        "$set": {**{name: chance.choice(VALUES) for name in sets}, "version": version},
        "$push": {"outbox": event},
    }
    if removes:
        update["$unset"] = dict.fromkeys(removes, "")
    return update


def carried_out(document: Document, update: Document) -> Document:
    """The document as it is after an update."""
    after: Document = deepcopy(document) | update["$set"]
    for name in update.get("$unset", ()):
        after.pop(name, None)
    after["outbox"] = [*document["outbox"], update["$push"]["outbox"]]
    return after


async def kept(shelf: Shelf, collection: str) -> dict[str, Document]:
    """All documents by their ids."""
    found = await shelf.mongo.find(collection, {})
    by_id: dict[str, Document] = {document["_id"]: document for document in found}
    return by_id


@pytest.mark.parametrize("seed", range(8))
async def test_swaps(shelf: Shelf, seed: int) -> None:
    """Each document gets its own update, of whatever fields, but for those that moved on."""
    chance, collection = random.Random(seed), f"leaves-{shelf.partner}"
    documents = [leaf(chance, number) for number in range(40)]
    await shelf.mongo.insert(collection, documents)
    chosen = chance.sample(documents, 24)
    updates = [update_of(chance, document) for document in chosen]
    moved = {document["_id"] for document in chance.sample(chosen, seed % 4)}
    versions = [each["version"] - (each["_id"] in moved) for each in chosen]

    query, stages = statements.swaps([each["_id"] for each in chosen], versions, updates)
    changed = await shelf.mongo.update_all(collection, query, stages)

    expected = {each["_id"]: each for each in documents}
    for document, update in zip(chosen, updates, strict=True):
        if document["_id"] not in moved:
            expected[document["_id"]] = carried_out(document, update)
    assert await kept(shelf, collection) == expected
    assert changed == len(chosen) - len(moved)


@pytest.mark.parametrize("seed", range(4))
async def test_clearings(shelf: Shelf, seed: int) -> None:
    """Each outbox loses its told events, and the sequence is noted where no older one is left."""
    chance, collection = random.Random(seed), f"leaves-{shelf.partner}"
    documents: list[Document] = []
    for number in range(30):
        waiting = [{"id": f"{number}.{version}", "version": version} for version in range(2, 6)]
        so_far = {"stream_seq": number} if chance.random() < 0.5 else {}
        documents.append({"_id": f"leaf {number}", "outbox": waiting, **so_far})
    await shelf.mongo.insert(collection, documents)
    chosen = chance.sample(documents, 20)
    told: list[str] = []
    reached: dict[str, statements.Reached | None] = {}
    expected = {each["_id"]: each for each in documents}
    for document in chosen:
        gone = chance.sample(document["outbox"], chance.randint(1, 4))
        newest = max(entry["version"] for entry in gone)
        known = (1_000 + newest, newest) if chance.random() < 0.8 else None
        told += [entry["id"] for entry in gone]
        reached[document["_id"]] = known
        left = [entry for entry in document["outbox"] if entry not in gone]
        after = expected[document["_id"]] = {**document, "outbox": left}
        if known is not None and all(entry["version"] > newest for entry in left):
            after["stream_seq"] = known[0]

    query, stages = statements.clearings(reached, told)
    assert await shelf.mongo.update_all(collection, query, stages) == len(chosen)
    assert await kept(shelf, collection) == expected


async def test_side_by_side(shelf: Shelf) -> None:
    """A batch that is more than one statement does not wait for one of them after the other."""
    collection = f"leaves-{shelf.partner}"
    ids = [f"leaf {number}" for number in range(MOST_IN_STATEMENT + 2)]
    await shelf.mongo.insert(collection, [{"_id": id, "version": 1, "outbox": []} for id in ids])
    batches = Batches(cast(Mongo, Meeting(shelf.mongo)), collection)

    def swap(id: str) -> Swap:
        update = {"$set": {"version": 2}, "$push": {"outbox": {"id": id}}}
        return Swap(id, 1, update, event_id=id)

    async with asyncio.timeout(5):
        await asyncio.gather(*(batches.swap(swap(id)) for id in ids))
    assert {each["version"] for each in (await kept(shelf, collection)).values()} == {2}
