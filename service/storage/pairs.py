"""Pairs: two documents that belong together, in two collections, read in one round trip.

A call of the driver costs more than it costs the server to look into one more collection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.storage.coalescer import Coalescer
from service.storage.kind import ERASED_AT, ID_INDEX, Kind
from service.storage.mongo import Document, Mongo

Found = tuple[Document | None, Document | None]

_OF_FIRST = ("partner", "domain", ERASED_AT)
"""Read of the first document alone: by its partner it is told from the second."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two kinds, and what to read of each."""

    first: Kind
    first_fields: tuple[str, ...]
    second: Kind
    second_fields: tuple[str, ...]
    second_by: str = "_id"
    """The field of the second by which it is found; it has a unique index of its own."""


class PairReader:
    """Reads one pair, for all who ask at the time at once."""

    def __init__(self, mongo: Mongo, pair: Pair) -> None:
        self._mongo = mongo
        self._collection = pair.first.collection
        self._other = pair.second.collection
        self._fields = _projection((*_OF_FIRST, *pair.first_fields))
        self._by = pair.second_by
        self._other_fields = _projection((self._by, *pair.second_fields))
        self._coalescer: Coalescer[tuple[str, str], Found] = Coalescer(
            self._read, tally=mongo.tally(self._collection, "aggregate")
        )

    async def read(self, id: str, other: str | None = None) -> Found:
        """Each document, or None where there is none; shared, and not to be changed.

        `other` is what the second is found by, where that is not the same id.
        Raises: Unavailable.
        """
        return await self._coalescer.submit((id, id if other is None else other))

    async def _read(self, wanted: list[tuple[str, str]]) -> list[Found]:
        ids = list({id for id, _ in wanted})
        others = list({other for _, other in wanted})
        of_second = [
            {"$match": {self._by: {"$in": others}}},
            {"$project": self._other_fields},
        ]
        stages: list[Mapping[str, Any]] = [
            {"$match": {"_id": {"$in": ids}}},
            {"$project": self._fields},
            {"$unionWith": {"coll": self._other, "pipeline": of_second}},
        ]
        found = await self._mongo.look_up(
            self._collection, stages, hint=ID_INDEX, most=len(ids) + len(others)
        )
        first: dict[str, Document] = {}
        second: dict[str, Document] = {}
        for document in found:
            if "partner" in document:
                first[document["_id"]] = document
            else:
                second[document[self._by]] = document
        return [(first.get(id), second.get(other)) for id, other in wanted]


def _projection(fields: tuple[str, ...]) -> Mapping[str, Any]:
    return dict.fromkeys(fields, True)
