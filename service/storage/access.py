"""The access log: who read whose sensitive data unmasked, when, and under which request."""

from collections.abc import Sequence

import bson

from service.call import Call
from service.ids import new_id
from service.storage.batches import Batches
from service.storage.kind import Index
from service.storage.mongo import Mongo

ACCESS_LOG = "access_log"
ACCESS_LOG_INDEXES = (Index("person", ("partner", "person_ids", "_id")),)


class AccessLog:
    """Written before the reply leaves: an unmasked read that is not in it did not happen."""

    def __init__(self, mongo: Mongo) -> None:
        self._batches = Batches(mongo, ACCESS_LOG)

    async def record(self, call: Call, person_ids: Sequence[str]) -> None:
        """Write down an unmasked read of these people, all of one request as one document.

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
