"""Pairs: two documents under one id, in two collections, read in one round trip.

A call of the driver costs more than it costs the server to look into one more collection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.storage.coalescer import Coalescer
from service.storage.kind import ID_INDEX, Kind
from service.storage.mongo import Document, Mongo

Found = tuple[Document | None, Document | None]

_OF_FIRST = ("partner", "domain")
"""Read of the first document alone: by its partner it is told from the second."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two kinds that share their ids, and what to read of each."""

    first: Kind
    first_fields: tuple[str, ...]
    second: Kind
    second_fields: tuple[str, ...]


class PairReader:
    """Reads one pair, for all who ask at the time at once."""

    def __init__(self, mongo: Mongo, pair: Pair) -> None:
        self._mongo = mongo
        self._collection = pair.first.collection
        self._other = pair.second.collection
        self._fields = _projection((*_OF_FIRST, *pair.first_fields))
        self._other_fields = _projection(pair.second_fields)
        self._coalescer: Coalescer[str, Found] = Coalescer(self._read)

    async def read(self, id: str) -> Found:
        """Each document, or None where there is none; shared, and not to be changed.

        Raises: Unavailable.
        """
        return await self._coalescer.submit(id)

    async def _read(self, ids: list[str]) -> list[Found]:
        wanted = list(set(ids))
        match = {"$match": {"_id": {"$in": wanted}}}
        others = [match, {"$project": self._other_fields}]
        stages: list[Mapping[str, Any]] = [
            match,
            {"$project": self._fields},
            {"$unionWith": {"coll": self._other, "pipeline": others}},
        ]
        found = await self._mongo.look_up(
            self._collection, stages, hint=ID_INDEX, most=2 * len(wanted)
        )
        first: dict[str, Document] = {}
        second: dict[str, Document] = {}
        for document in found:
            (first if "partner" in document else second)[document["_id"]] = document
        return [(first.get(id), second.get(id)) for id in ids]


def _projection(fields: tuple[str, ...]) -> Mapping[str, Any]:
    return dict.fromkeys(fields, True)
