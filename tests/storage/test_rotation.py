"""Rotation of the data key: under load, interrupted, started again, seen by every worker."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from service.app import KINDS
from service.membership.store import MEMBERSHIPS
from service.storage.mongo import Mongo
from service.storage.rotation import (
    AlreadyRotating,
    Progress,
    _updates,
    ring_with_new_key,
    seal_anew,
)
from service.storage.sealing import DataKeys, Sealer
from tests.client import Partner, Reply
from tests.deployment import Deployment
from tests.identity.people import consumer, new_consumer, protected, ssn
from tests.membership.accounts import Accounts

PEOPLE = 700
"""More than a page of those that a rotation reads."""


class Interrupted(Exception):
    pass


class Load:
    """Reads and writes without a pause, each answer checked."""

    def __init__(self, partner: Partner, numbers: dict[str, str], users: Sequence[str]) -> None:
        self.done = 0
        self._partner = partner
        self._numbers = numbers
        self._users = users
        self._running = True
        self._tasks = [asyncio.create_task(work) for work in (self._read(), self._write())]

    async def stop(self) -> None:
        """Stop, and raise what went wrong."""
        self._running = False
        await asyncio.gather(*self._tasks)

    async def _read(self) -> None:
        while self._running:
            for id, number in list(self._numbers.items())[::7]:
                block = await unmasked(self._partner, id)
                assert block["social_security_number"] == number
                page = await self._partner.ask("user.list", {"limit": 3})
                assert [user["id"] for user in page.done["users"]] == self._users[:3]
                self.done += 1

    async def _write(self) -> None:
        business_id = await self._partner.entity()
        while self._running:
            number = ssn()
            id = await consumer(
                self._partner, business_id, protected_personal_data=protected(number)
            )
            self._numbers[id] = number
            changed = next(iter(self._numbers))
            number = ssn()
            block = {"protected_personal_data": {"social_security_number": number}}
            body = {"consumer_id": changed, **block}
            # Nobody may read it as it was once it has begun to change.
            del self._numbers[changed]
            assert (await self._partner.ask("identity.update_consumer", body)).status == 200


async def unmasked(partner: Partner, id: str) -> Any:
    """The protected data of a consumer, in the clear."""
    body = {"consumer_id": id, "expand": "PROTECTED_PERSONAL_DATA", "ssn_mode": "UNMASKED"}
    return (await partner.ask("identity.get_consumer", body)).done["protected_personal_data"]


async def people(partner: Partner, business_id: str) -> dict[str, str]:
    """So many consumers that a rotation takes two pages, with their numbers."""
    made: dict[str, str] = {}
    for first in range(0, PEOPLE, 100):
        numbers = [ssn() for _ in range(first, first + 100)]
        ids = await asyncio.gather(
            *(consumer(partner, business_id, protected_personal_data=protected(n)) for n in numbers)
        )
        made |= dict(zip(ids, numbers, strict=True))
    return made


async def keys_in_use(deployment: Deployment) -> set[str]:
    """The names of the keys of all sealed values of all collections, kept replies too."""
    found = set()
    for kind in KINDS:
        async for document in deployment.database[kind.collection].find():
            values = [document.get(field) for field in kind.sealed]
            kept = document.get("idempotency", [])
            values += [each["reply"] for each in (kept if isinstance(kept, list) else [kept])]
            found |= {bytes(value)[:4].hex() for value in values if value is not None}
    return found


@pytest.fixture
async def mongo(mongo_uri: str, deployment: Deployment) -> AsyncIterator[Mongo]:
    """The deployment's database, as the command reaches it."""
    mongo = Mongo(mongo_uri, deployment.database.name)
    yield mongo
    await mongo.close()


@pytest.fixture
async def deployment(nats_url: str, mongo_uri: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Two workers whose key rings are in `tmp_path`."""
    deployment = Deployment(tmp_path, nats_url, mongo_uri, f"test_{uuid4().hex}")
    await deployment.start(2)
    yield deployment
    await deployment.stop()


async def test_under_load_interrupted_and_started_again(
    partner: Partner, mongo: Mongo, tmp_path: Path
) -> None:
    """No read fails; in the end everything has the new key, and progress was told on the way."""
    business_id = await partner.entity()
    number = ssn()
    request = new_consumer(business_id, protected_personal_data=protected(number))
    kept = await partner.ask("identity.create_consumer", request, idempotency_key="kept")
    numbers = await people(partner, business_id)
    users = [await partner.user(business_id) for _ in range(5)]
    path = tmp_path / "data.json"
    first = DataKeys.load(path)
    assert await keys_in_use(partner.deployment) == {first.current}
    load = Load(partner, numbers, users)

    def interrupt(progress: Progress) -> None:
        if progress.collection == "persons" and progress.seen:
            raise Interrupted

    with pytest.raises(Interrupted), ring_with_new_key(path) as ring:
        await seal_anew(mongo, KINDS, ring, interrupt)
    second = DataKeys.load(path)
    assert second.current != first.current
    assert {first.current, second.current} <= await keys_in_use(partner.deployment)

    seen: list[tuple[str, int, int]] = []
    with ring_with_new_key(path) as ring:
        assert ring.current == second.current
        progress = await seal_anew(
            mongo, KINDS, ring, lambda p: seen.append((p.collection, p.seen, p.total))
        )
    await load.stop()
    assert load.done > 10
    assert await keys_in_use(partner.deployment) == {second.current}
    assert 0 < progress.sealed < 3 * PEOPLE + 200, "what had the new key was left alone"
    assert progress.broken == 0
    assert {collection for collection, _, _ in seen} == {kind.collection for kind in KINDS}
    of_people = [(at, total) for collection, at, total in seen if collection == "persons"]
    assert of_people[0][0] == 0
    assert any(0 < at < total for at, total in of_people)
    after = DataKeys.load(path)
    assert not after.rotating
    assert first.current in after.keys, "backups are sealed with it"
    again = await partner.ask("identity.create_consumer", request, idempotency_key="kept")
    assert again.done == kept.done
    assert again.headers["Idempotency-Replayed"] == "true"
    found = (await partner.ask("identity.find_by_ssn", {"ssn": number})).done["items"]
    assert [person["person_id"] for person in found] == [kept.done["consumer_id"]]


async def test_a_worker_finds_a_new_key_when_it_meets_it(
    partner: Partner, mongo: Mongo, tmp_path: Path
) -> None:
    """A value under a key that a worker has not seen yet is read, not refused."""
    number = ssn()
    id = await consumer(partner, protected_personal_data=protected(number))
    with ring_with_new_key(tmp_path / "data.json") as ring:
        await seal_anew(mongo, KINDS, ring, lambda _: None)
        assert await keys_in_use(partner.deployment) == {ring.current}
        for _ in range(4):
            assert (await unmasked(partner, id))["social_security_number"] == number


async def test_replies_of_what_was_made_again(
    partner: Partner, mongo: Mongo, tmp_path: Path
) -> None:
    """A document that was made more than once keeps a reply of each time, and each opens after."""
    accounts = Accounts(partner)
    owner, once, twice = [await accounts.user() for _ in range(3)]
    account = await accounts.open(owner)
    first: dict[str, Reply] = {}
    for member, keys in ((once, ["", "a"]), (twice, ["b", "c", "d"])):
        for key in keys:
            headers = {"idempotency_key": key} if key else {}
            added = await accounts.add(owner, account, member, "member", **headers)
            assert added.status == 200
            first[key] = added
            if key != keys[-1]:
                assert (await accounts.remove(owner, account, member)).status == 200
    with ring_with_new_key(tmp_path / "data.json") as ring:
        progress = await seal_anew(mongo, KINDS, ring, lambda _: None)
    assert progress.broken == 0
    assert await keys_in_use(partner.deployment) == {ring.current}
    for key, member in (("a", once), ("b", twice), ("c", twice), ("d", twice)):
        again = await accounts.add(owner, account, member, "member", idempotency_key=key)
        assert (again.done, again.headers["Idempotency-Replayed"]) == (first[key].done, "true")


async def test_a_reply_that_became_one_of_two_meanwhile(
    partner: Partner, mongo: Mongo, tmp_path: Path
) -> None:
    """Between the page that a rotation reads and what it writes, a document is made again."""
    accounts = Accounts(partner)
    owner, member = await accounts.user(), await accounts.user()
    account = await accounts.open(owner)
    await accounts.add(owner, account, member, "member", idempotency_key="a")
    await accounts.remove(owner, account, member)
    found = await partner.deployment.database["memberships"].find_one(
        {"idempotency.key": {"$exists": True}}
    )
    assert found is not None
    await accounts.add(owner, account, member, "member", idempotency_key="b")
    with ring_with_new_key(tmp_path / "data.json") as ring:
        sealer = Sealer(ring)
        updates = list(_updates(MEMBERSHIPS, found, sealer, Progress()))
        assert len(updates) == 1
        assert await mongo.update("memberships", updates) == (0, {})


async def test_what_does_not_open_is_told_and_left(
    partner: Partner, mongo: Mongo, tmp_path: Path
) -> None:
    """A value that somebody has altered does not stop the rest."""
    id = await consumer(partner)
    other = await consumer(partner)
    persons = partner.deployment.database["persons"]
    altered = bytes(60)
    await persons.update_one({"_id": id}, {"$set": {"social_security_number": altered}})
    with ring_with_new_key(tmp_path / "data.json") as ring:
        progress = await seal_anew(mongo, KINDS, ring, lambda _: None)
    assert progress.broken == 1
    document = await persons.find_one({"_id": id})
    assert document is not None
    assert document["social_security_number"] == altered
    assert (await unmasked(partner, other))["social_security_number"]


def test_one_at_a_time(tmp_path: Path) -> None:
    """A second rotation of the same ring is refused, and the ring is as the first has left it."""
    path = tmp_path / "data.json"
    path.write_text(DataKeys.generate().dump())
    with ring_with_new_key(path) as ring:
        with pytest.raises(AlreadyRotating), ring_with_new_key(path):
            pass
        assert DataKeys.load(path) == ring
    assert DataKeys.load(path) == ring.rotated()
    with ring_with_new_key(path) as another:
        assert ring.keys.items() < another.keys.items()
