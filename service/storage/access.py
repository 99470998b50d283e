"""The access log: who read whose data unmasked or exported it, when, under which request."""

from collections.abc import Mapping, Sequence
from typing import Any

import bson

from service.call import Call
from service.ids import new_id
from service.storage.batches import Batches
from service.storage.kind import Index
from service.storage.mongo import Document, Mongo

ACCESS_LOG = "access_log"
ACCESS_LOG_INDEXES = (Index("person", ("partner", "person_ids", "_id")),)


class AccessLog:
    """Written before the reply leaves: an unmasked read that is not in it did not happen."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._batches = Batches(mongo, ACCESS_LOG)

    async def record(self, call: Call, person_ids: Sequence[str]) -> None:
        """Write down a read of these people, all of one request as one document.

        Raises: Unavailable.
        """
        if not person_ids:
            return
        line = {
            "_id": new_id(call.now),
            "partner": call.partner,
            "person_ids": person_ids,
            "at": call.now,
            "actor": call.caller.subject,
            "request_id": call.request_id,
            "operation": call.operation,
        }
        await self._batches.insert(bson.encode(line))

    async def find(self, query: Mapping[str, Any], limit: int) -> list[Document]:
        """The lines about a person that match, oldest first; `about` makes the query.

        Raises: Unavailable.
        """
        return await self._mongo.find(ACCESS_LOG, query, sort="_id", limit=limit, hint="person")

    async def forget(self, partner: str, person_id: str) -> None:
        """Take a person out of the log: a line stays that is about others as well.

        Raises: Unavailable.
        """
        alone = {"partner": partner, "person_ids": [person_id]}
        await self._mongo.delete_all(ACCESS_LOG, alone, hint="person")
        others = {"input": "$person_ids", "cond": {"$ne": ["$$this", {"$literal": person_id}]}}
        left: list[Document] = [{"$set": {"person_ids": {"$filter": others}}}]
        await self._mongo.update_all(ACCESS_LOG, about(partner, person_id), left)


def about(partner: str, person_id: str) -> Document:
    """The query for the lines about a person."""
    return {"partner": partner, "person_ids": person_id}
