"""The event log: every event that the stream has acknowledged, as it was published.

It outlives the stream. An id may be of two aggregates, a person and its preferences: they are told
apart by the collection that each is in.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from service.storage.batches import EVENT_LOG
from service.storage.kind import Index
from service.storage.mongo import Document, Mongo

_INDEX = "history"
EVENT_LOG_INDEXES = (Index(_INDEX, ("partner", "aggregate_id", "collection", "version")),)
_ORDER = ("partner", "aggregate_id", "collection", "version")


def line_of(
    entry: Mapping[str, Any], *, partner: str, collection: str, aggregate_id: str
) -> Document:
    """The line of an event, as its entry in the outbox has it."""
    return {
        "_id": entry["id"],
        "partner": partner,
        "aggregate_id": aggregate_id,
        "collection": collection,
        "version": entry["version"],
        "type": entry["type"],
        "at": entry["at"],
        "actor": entry["actor"],
        "request_id": entry["request_id"],
        "changed": entry["changed"],
        "body": entry["body"],
    }


class EventLog:
    """Reads the log, and forgets what is in it; the settler writes it."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def lines(  # which aggregate's takes three to say
        self,
        partner: str,
        aggregate_id: str,
        collection: str,
        wanted: Mapping[str, Any],
        after: int,
        limit: int,
    ) -> list[Document]:
        """The lines of an aggregate after a version that match what is wanted besides.

        Raises: Unavailable.
        """
        query = {
            "partner": partner,
            "aggregate_id": aggregate_id,
            "collection": collection,
            "version": {"$gt": after},
            **wanted,
        }
        return await self._mongo.find(EVENT_LOG, query, sort="version", limit=limit, hint=_INDEX)

    async def again(self, line: Document) -> list[Document]:
        """All lines of the aggregate that a line is of, as they are now.

        Raises: Unavailable.
        """
        return await self.lines(line["partner"], line["aggregate_id"], line["collection"], {}, 0, 0)

    async def forget(
        self, partner: str, aggregate_id: str, collection: str, before: int | None
    ) -> None:
        """Delete the lines of an aggregate, all or those of versions before this one.

        Raises: Unavailable.
        """
        query: dict[str, Any] = {"partner": partner, "aggregate_id": aggregate_id}
        query["collection"] = collection
        if before is not None:
            query["version"] = {"$lt": before}
        await self._mongo.delete_all(EVENT_LOG, query, hint=_INDEX)

    async def partners(self) -> list[str]:
        """The partners that the log has lines of.

        Raises: Unavailable.
        """
        found: list[str] = []
        while True:
            query = {"partner": {"$gt": found[-1] if found else ""}}
            first = await self._mongo.find(
                EVENT_LOG,
                query,
                {"partner": True},
                sort=_ORDER,
                limit=1,
                hint=_INDEX,
            )
            if not first:
                return found
            found.append(first[0]["partner"])

    async def page(self, partner: str, after: str, limit: int) -> list[Document]:
        """Whole aggregates of a partner, from the one after this id on: about `limit` lines.

        Raises: Unavailable.
        """
        query = {"partner": partner, "aggregate_id": {"$gt": after}}
        found = await self._mongo.find(EVENT_LOG, query, sort=_ORDER, limit=limit, hint=_INDEX)
        if len(found) < limit:
            return found
        # The last id may go on beyond the page.
        last = found[-1]["aggregate_id"]
        whole = [line for line in found if line["aggregate_id"] != last]
        if whole:
            return whole
        query = {"partner": partner, "aggregate_id": last}
        return await self._mongo.find(EVENT_LOG, query, sort=_ORDER, hint=_INDEX)

    async def count(self) -> int:
        """How many lines there are, about.

        Raises: Unavailable.
        """
        answer = await self._mongo.command({"count": EVENT_LOG})
        return int(answer["n"])


def by_aggregate(lines: Sequence[Document]) -> list[list[Document]]:
    """Lines in their order, those of each aggregate together."""
    groups: dict[tuple[str, str], list[Document]] = {}
    for line in lines:
        groups.setdefault((line["collection"], line["aggregate_id"]), []).append(line)
    return list(groups.values())
