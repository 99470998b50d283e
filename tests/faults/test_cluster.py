"""Whatever befalls three workers, three nats-servers and three mongods, under load of all services.

The short form strikes once in each of the hardest ways, `make faults` in every way against every
process.
"""

import logging
import os
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from service.app import KINDS
from service.storage.kind import EPOCH
from tests.eventually import eventually
from tests.faults.audit import Document, settled_books
from tests.faults.cluster import cluster
from tests.faults.house import DATABASE, House
from tests.faults.journeys import ALL_SERVICES, Journeys
from tests.faults.load import Load, going_on
from tests.faults.strikes import Striker
from tests.faults.table import Recoveries, outcome, show

log = logging.getLogger(__name__)

CLIENTS = 16
CLIENTS_IN_SHORT = 8
OLD = 2.0
"""Seconds after which an event should be in the stream when all is well."""
QUIET = 2.5
"""Seconds without a failure, and without a late event, after which all is well."""
MOST_TO_RECOVER = 90.0
NO_DISKS = "(no disk is filled: a file system cannot be mounted here)"


@pytest.fixture
def seed() -> int:
    """What decides what is struck and when: printed, and to be set to strike the same again."""
    return int(os.environ.get("SVC_USER_FAULT_SEED", time.time_ns() % 1_000_000))


async def test_cluster(tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing acknowledged is lost, and everything is told once and in order."""
    rounds = int(os.environ.get("SVC_USER_FAULT_CLUSTER_ROUNDS", "0"))
    frozen = float(os.environ.get("SVC_USER_FAULT_FREEZE", "2"))
    recoveries = Recoveries()
    async with cluster(tmp_path) as struck:
        striker = Striker(struck, random.Random(seed), frozen)
        journeys = Journeys(struck.house, await struck.client())
        house = struck.house
        clients = CLIENTS if rounds else CLIENTS_IN_SHORT
        load = Load(house.bus, house.token, journeys=journeys.all(), in_flight=clients)
        with capsys.disabled():
            print(f"\nSVC_USER_FAULT_SEED={seed}", "" if struck.disks else NO_DISKS)  # noqa: T201
        async with going_on(load):
            for kind, target in striker.drawn(rounds):
                await striker.pause()
                await striker.strike(kind, target)
                took = await recovered(house, load)
                recoveries.add(kind, target, took)
                log.info("%s, %s: recovered after %.1f s", kind, target, took)
        books = await settled_books(house, load)
    findings = books.findings()
    with capsys.disabled():
        show(recoveries.table(), outcome(load, findings, len(books.stream)))
    assert findings == []
    assert journeys.asked == ALL_SERVICES


async def recovered(house: House, load: Load) -> float:
    """Wait until requests fail no more and no event is late; give for how long they were."""
    began = felt = time.monotonic()

    async def well() -> bool:
        nonlocal felt
        if await some_are_late(mongo):
            felt = time.monotonic()
        felt = max([felt, *load.failed[-CLIENTS:]])
        return time.monotonic() - felt > QUIET

    async with AsyncMongoClient[Document](house.mongo.url, timeoutMS=2_000) as mongo:
        await eventually(well, within=MOST_TO_RECOVER, what=f"all goes on: {load.summary()}")
    await load.progress(1)
    return felt - began


async def some_are_late(mongo: AsyncMongoClient[Document]) -> bool:
    """Whether any outbox holds an event that should have been told; also when nobody can say."""
    late = {"outbox.at": {"$gt": EPOCH, "$lt": datetime.now(UTC) - timedelta(seconds=OLD)}}
    try:
        for kind in KINDS:
            if await mongo[DATABASE][kind.collection].find_one(late, {"_id": True}):
                return True
    except PyMongoError:
        return True
    return False
