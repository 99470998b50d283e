"""Storage on a real MongoDB, through either driver, with nothing else of the service."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import pytest

from schemas.event import EventData, EventType
from service.call import NOBODY, Call
from service.preference.catalogue import read_catalogue
from service.storage.aggregates import Aggregates
from service.storage.batches import EVENT_LOG
from service.storage.event_log import EVENT_LOG_INDEXES
from service.storage.kind import Index, Kind
from service.storage.mongo import Document, Driver, Mongo
from service.storage.outbox import Pending
from service.storage.sealing import DataKeys, Sealer
from service.storage.storage import Storage
from service.storage.writes import Change
from service.tokens.authority import Authority

THINGS = Kind("things", (Index("one_name", ("partner", "name"), unique=True),))
Made = EventType("thing.made", EventData, "A thing was made.")
Changed = EventType("thing.changed", EventData, "A thing is another.")
KEYS = DataKeys.generate()
CATALOGUE = read_catalogue()


@dataclass
class Outbox:
    """Stands where the relay does: keeps what is submitted, and publishes nothing."""

    submitted: list[Pending] = field(default_factory=list)

    def submit(self, pending: Pending) -> None:
        self.submitted.append(pending)


@dataclass
class Shelf:
    """What one worker has of storage."""

    mongo: Mongo
    partner: str
    outbox: Outbox = field(default_factory=Outbox)

    def __post_init__(self) -> None:
        self.storage = Storage(self.mongo, [THINGS], self.outbox, Sealer(KEYS))

    @property
    def things(self) -> Aggregates:
        return self.storage[THINGS]

    def call(self, key: str | None = None, fingerprint: bytes = b"the same") -> Call:
        """A request as it reaches storage."""
        return Call(
            operation="thing.make",
            partner=self.partner,
            caller=NOBODY,
            request_id="r",
            now=datetime.now(UTC).replace(microsecond=0),
            storage=self.storage,
            authority=cast(Authority, None),  # which storage never asks
            catalogue=CATALOGUE,
            max_reply=1_000_000,
            idempotency_key=key,
            fingerprint=fingerprint,
        )

    async def make(self, name: object, key: str | None = None, id: Any = None) -> Document:
        """Insert a thing."""
        id = id or str(uuid4())
        document = {"_id": id, "name": name, "count": 0}
        return await self.things.insert(self.call(key), document, Made, told, {"id": id})

    async def set(self, id: str, **fields: object) -> Document:
        """Change a thing."""
        change = Change(Changed, fields, told)
        return await self.things.change(self.call(), id, lambda _: change)


Shelves = Callable[[], Shelf]


def told(document: Document) -> EventData:
    return EventData(changed=sorted(document))


class Meeting:
    """A MongoDB that updates many documents once two such statements are under way."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._both = asyncio.Barrier(2)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mongo, name)

    async def update_all(self, collection: str, *arguments: Any) -> int:
        await self._both.wait()
        return await self._mongo.update_all(collection, *arguments)


@pytest.fixture(params=["motor", "pymongo"])
def driver(request: pytest.FixtureRequest) -> Driver:
    """Each of the drivers."""
    chosen: Driver = request.param
    return chosen


@pytest.fixture(scope="module")
async def database(mongo_uri: str) -> AsyncIterator[str]:
    """A database with the indexes, for the tests of a module."""
    name = f"test_{uuid4().hex}"
    mongo = Mongo(mongo_uri, name, "pymongo")
    await mongo.ensure_indexes(THINGS.collection, THINGS.all_indexes)
    await mongo.ensure_indexes(EVENT_LOG, EVENT_LOG_INDEXES)
    yield name
    await mongo.drop()
    await mongo.close()


@pytest.fixture
async def shelves(mongo_uri: str, database: str, driver: Driver) -> AsyncIterator[Shelves]:
    """Makes workers' shelves, all over the same database, all of one partner."""
    made: list[Shelf] = []
    partner = uuid4().hex

    def shelf() -> Shelf:
        made.append(Shelf(Mongo(mongo_uri, database, driver), partner))
        return made[-1]

    yield shelf
    for each in made:
        await each.mongo.close()


@pytest.fixture
def shelf(shelves: Shelves) -> Shelf:
    """One worker's."""
    return shelves()
