"""Trees: kinds whose aggregates name a parent each; from one up to its root, or down below it.

The server walks ($graphLookup), so the cost is one round trip whatever the depth; and at snapshot
concern, so what is given was all there at one moment: no half of a move.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from service.storage.coalescer import Coalescer
from service.storage.mongo import Document, Mongo

Pipeline = list[dict[str, Any]]

_MOST = 32
"""Lineages in one round trip: the server walks them one after another."""

_OWN_FIELDS = ("outbox", "idempotency")
"""What storage keeps in an aggregate for itself; an outbox can be large."""


class Tree:
    """The tree that the aggregates of a collection form."""

    def __init__(self, mongo: Mongo, collection: str, parent: str) -> None:
        """`parent` is the field with the parent's id; an index begins with it."""
        self._mongo = mongo
        self._collection = collection
        self._parent = parent
        self._lineages: Coalescer[str, list[Document]] = Coalescer(
            self._walk_up, _MOST, mongo.tally(collection, "aggregate")
        )

    async def lineage(self, id: str) -> list[Document]:
        """The aggregate, its parent, and so on up to the root; empty where there is none.

        Shared with whoever asked for the same at the same time: not to be changed.
        Raises: Unavailable.
        """
        return await self._lineages.submit(id)

    async def descendants(
        self, id: str, depth: int | None, query: Mapping[str, Any], limit: int
    ) -> list[Document]:
        """Those at most so many levels below one that match a query, in the order of their ids.

        Raises: Unavailable.
        """
        walk = self._walk_below()
        if depth is not None:
            walk["maxDepth"] = depth - 1
        pipeline: Pipeline = [
            {"$match": {"_id": id}},
            {"$graphLookup": walk},
            {"$unwind": "$below"},
            {"$replaceRoot": {"newRoot": "$below"}},
            {"$match": dict(query)},
            {"$unset": list(_OWN_FIELDS)},
            {"$sort": {"_id": 1}},
            {"$limit": limit},
        ]
        return await self._mongo.aggregate(self._collection, pipeline)

    async def ids_below(self, id: str) -> list[str]:
        """The ids of all below one, in no order.

        Raises: Unavailable.
        """
        pipeline: Pipeline = [
            {"$match": {"_id": id}},
            {"$graphLookup": self._walk_below()},
            {"$unwind": "$below"},
            {"$project": {"_id": "$below._id"}},
        ]
        found = await self._mongo.aggregate(self._collection, pipeline)
        return [document["_id"] for document in found]

    def _walk_below(self) -> dict[str, Any]:
        return {
            "from": self._collection,
            "startWith": "$_id",
            "connectFromField": "_id",
            "connectToField": self._parent,
            "as": "below",
        }

    async def _walk_up(self, ids: list[str]) -> list[list[Document]]:
        pipeline = lineage_pipeline(self._collection, self._parent, set(ids))
        found = await self._mongo.aggregate(self._collection, pipeline)
        by_id = lineages_by_id(found, self._parent)
        return [by_id.get(id, []) for id in ids]


def lineage_pipeline(collection: str, parent: str, ids: set[str]) -> Pipeline:
    """What finds everything from these aggregates up to their roots, in no order."""
    return [
        {"$match": {"_id": {"$in": sorted(ids)}}},
        {
            "$graphLookup": {
                "from": collection,
                "startWith": "$_id",
                "connectFromField": parent,
                "connectToField": "_id",
                "as": "line",
            }
        },
        {"$project": {"line": True}},
        {"$unset": [f"line.{field}" for field in _OWN_FIELDS]},
    ]


def lineages_by_id(found: Sequence[Document], parent: str) -> dict[str, list[Document]]:
    """Each aggregate's lineage in its order, out of what the pipeline has found."""
    return {each["_id"]: _in_order(each["_id"], each["line"], parent) for each in found}


def _in_order(id: str, line: list[Document], parent: str) -> list[Document]:
    by_id = {document["_id"]: document for document in line}
    ordered: list[Document] = []
    above: str | None = id
    while above is not None and above in by_id:
        ordered.append(by_id.pop(above))
        above = ordered[-1][parent]
    return ordered
