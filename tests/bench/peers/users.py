"""The job itself, done with Motor as its users do it: a driver call for each step of a request.

A document is inserted, then its event published: what svc-user promises beyond that (an event for
every acknowledged change, whatever dies in between) is not asked of the peers, nor are tokens.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

import orjson
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, IndexModel, ReturnDocument, WriteConcern
from pymongo.errors import DuplicateKeyError

from tests.bench.peers.models import CreateUser, GetUser, ListUsers, UpdateUser
from tests.bench.peers.peer import Options

Document = dict[str, Any]
Publish = Callable[[str, bytes, dict[str, str]], Awaitable[object]]

POOL_SIZE = 64
FILL_BATCH = 1000
KEPT = 8192
DETAILS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "phoneNumber": "phone_number",
    "dateOfBirth": "date_of_birth",
    "occupation": "occupation",
    "avatar": "avatar",
    "address": "address",
}
NOT_SHOWN = {"_id", "partner", "email_key"}
INDEXES = [
    IndexModel([("partner", ASCENDING), ("email_key", ASCENDING)], unique=True),
    IndexModel([("partner", ASCENDING), ("entity_id", ASCENDING), ("created_at", ASCENDING)]),
]


class Refused(Exception):
    """An answer of the 4xx kind: its status and its code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code

    @property
    def headers(self) -> dict[str, str]:
        """The headers by which a NATS service refuses."""
        return {"Nats-Service-Error": self.code, "Nats-Service-Error-Code": str(self.status)}


class Users:
    """Users and their entities in MongoDB, each change published and acknowledged."""

    def __init__(self, options: Options, publish: Publish) -> None:
        self.client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
            options.mongo, maxPoolSize=POOL_SIZE, minPoolSize=POOL_SIZE, tz_aware=True
        )
        database = self.client.get_database(
            options.name, write_concern=WriteConcern("majority", j=True)
        )
        self.users = database["users"]
        self.entities = database["entities"]
        self._name = options.name
        self._publish = publish

    @classmethod
    @asynccontextmanager
    async def open(cls, options: Options, publish: Publish) -> AsyncIterator[Self]:
        """Connect, make the indexes, and close in the end."""
        opened = cls(options, publish)
        try:
            await opened.users.create_indexes(INDEXES)
            yield opened
        finally:
            opened.client.close()

    async def create(self, partner: str, request: CreateUser) -> Document:
        """Create a user of an entity that exists."""
        entity_id = str(request.entity_id)
        if not await self.entities.find_one({"_id": entity_id, "partner": partner}, {"_id": 1}):
            raise Refused(404, "ENTITY_NOT_FOUND")
        user = new_user(partner, request)
        try:
            await self.users.insert_one(user)
        except DuplicateKeyError:
            raise Refused(409, "NOT_UNIQUE") from None
        await self._tell(partner, "created", user, list(request.model_fields_set))
        return {"userId": user["_id"]}

    async def update(self, partner: str, request: UpdateUser) -> Document:
        """Change what was sent of a user."""
        changes = request.model_dump(mode="json", exclude_unset=True, exclude={"user_id"})
        if email := changes.get("email"):
            changes["email_key"] = email.lower()
        try:
            user = await self.users.find_one_and_update(
                {"_id": str(request.user_id), "partner": partner},
                {"$set": changes | {"updated_at": datetime.now(UTC)}, "$inc": {"version": 1}},
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:
            raise Refused(409, "NOT_UNIQUE") from None
        if user is None:
            raise Refused(404, "USER_NOT_FOUND")
        await self._tell(partner, "updated", user, list(changes))
        return {"userId": user["_id"]}

    async def get(self, partner: str, request: GetUser) -> Document:
        """Read a user."""
        user = await self.users.find_one({"_id": str(request.user_id), "partner": partner})
        if user is None:
            raise Refused(404, "USER_NOT_FOUND")
        return {
            "id": user["_id"],
            "name": f"{user['first_name']} {user['last_name']}",
            "email": user["email"],
            "active": user["active"],
            "details": {shown: user.get(field) for shown, field in DETAILS.items()},
        }

    async def page(self, partner: str, request: ListUsers) -> Document:
        """Read the first users of a partner or of an entity, oldest first."""
        wanted: Document = {"partner": partner}
        if request.entity_id:
            wanted["entity_id"] = str(request.entity_id)
        found = self.users.find(wanted).sort("created_at", ASCENDING).limit(request.limit)
        users = await found.to_list(request.limit)
        return {"users": [record(user) for user in users], "next_cursor": None}

    async def _tell(self, partner: str, event: str, user: Document, changed: list[str]) -> None:
        event_id = str(uuid4())
        body = {
            "specversion": "1.0",
            "id": event_id,
            "type": f"user.{event}",
            "source": self._name,
            "subject": user["_id"],
            "time": user["updated_at"],
            "partnerid": partner,
            "aggregateversion": user["version"],
            "data": {"changed": changed, **record(user)},
        }
        await self._publish(
            f"{self._name}.evt.user.{partner}.{user['_id']}.{event}",
            orjson.dumps(body),
            {"Nats-Msg-Id": event_id, "Content-Type": "application/cloudevents+json"},
        )


def new_user(partner: str, request: CreateUser) -> Document:
    """Make the document of a user as it is first stored."""
    now = datetime.now(UTC)
    return {
        "_id": str(uuid4()),
        "partner": partner,
        **request.model_dump(mode="json"),
        "email_key": request.email.lower(),
        "active": True,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }


def record(user: Mapping[str, Any]) -> Document:
    """Show a user as a list and an event do, its identity number masked."""
    shown = {name: value for name, value in user.items() if name not in NOT_SHOWN}
    number = user["id_number"]
    return {"id": user["_id"], **shown, "id_number": "x" * (len(number) - 4) + number[-4:]}


async def fill(users: Users, partner: str, samples: Sequence[CreateUser], count: int) -> list[str]:
    """Store users without telling anybody, spread over the samples' entities; return some ids."""
    await users.entities.insert_many(
        [{"_id": str(sample.entity_id), "partner": partner} for sample in samples]
    )
    kept: list[str] = []
    for first in range(0, count, FILL_BATCH):
        batch = [
            new_user(partner, samples[number % len(samples)])
            | {"email_key": f"filled.{number}@example.com"}
            for number in range(first, min(first + FILL_BATCH, count))
        ]
        await users.users.insert_many(batch, ordered=False)
        kept.extend(user["_id"] for user in batch[:: max(1, count // KEPT)])
    return kept
