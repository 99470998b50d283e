"""Lookups: documents found by id alone, in whichever collection they are, with what they point to.

All who ask at the time share one round trip: an aggregation with a branch for each collection. For
an id that was found before, it is known where its document is, which never changes; only what
nobody has asked for yet is looked for everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.bounded import Bounded
from service.storage.coalescer import Coalescer
from service.storage.kind import ERASED_AT
from service.storage.mongo import Document, Mongo

_MOST_KNOWN = 50_000


@dataclass(frozen=True, slots=True)
class Branch:
    """A collection, and what to do with it."""

    collection: str
    stages: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document is, and the id of what it points to there, if anything."""

    collection: str
    points_to: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A way to find documents by id."""

    everywhere: Callable[[Sequence[str]], list[Branch]]
    """Branches that together give at most one document for each id, with that id as `_id`."""
    place: Callable[[Document], Place]
    """Where a document that they have given is."""
    fields: Mapping[str, Any]
    """What to read of a document whose place is known, as it is kept there."""
    joined: Callable[[Place, Document, Document | None], Document]
    """Makes of a document so read, and of what it points to, what the branches would give."""


class LookupReader:
    """Carries out one lookup."""

    def __init__(self, mongo: Mongo, lookup: Lookup) -> None:
        self._mongo = mongo
        self._lookup = lookup
        self._coalescer: Coalescer[str, Document | None] = Coalescer(
            self._look, tally=mongo.tally("", "aggregate")
        )
        self._known: Bounded[str, Place] = Bounded(_MOST_KNOWN)

    async def read(self, id: str) -> Document | None:
        """What there is under the id, or None; shared, and not to be changed.

        Raises: Unavailable.
        """
        return await self._coalescer.submit(id)

    async def _look(self, ids: list[str]) -> list[Document | None]:
        places = {id: self._known[id] for id in ids if id in self._known}
        first, *others = self._branches(set(ids), places)
        unions = [{"$unionWith": {"coll": o.collection, "pipeline": o.stages}} for o in others]
        found = await self._mongo.look_up(
            first.collection, [*first.stages, *unions], hint="_id_", most=2 * len(ids)
        )
        by_id = {document["_id"]: document for document in found}
        for id, place in places.items():
            if id in by_id:
                target = by_id.get(place.points_to or "")
                by_id[id] = self._lookup.joined(place, by_id[id], target)
        self._remember(by_id, ids)
        return [by_id.get(id) for id in ids]

    def _branches(self, ids: set[str], places: Mapping[str, Place]) -> list[Branch]:
        wanted: dict[str, set[str]] = {}
        for id, place in places.items():
            there = wanted.setdefault(place.collection, set())
            there |= {id} if place.points_to is None else {id, place.points_to}
        branches = [
            Branch(
                collection,
                [
                    {"$match": {"_id": {"$in": list(there)}, ERASED_AT: None}},
                    {"$project": self._lookup.fields},
                ],
            )
            for collection, there in wanted.items()
        ]
        unknown = list(ids - places.keys())
        return [*branches, *self._lookup.everywhere(unknown)] if unknown else branches

    def _remember(self, by_id: Mapping[str, Document], ids: Sequence[str]) -> None:
        for id in ids:
            if id in by_id and id not in self._known:
                self._known[id] = self._lookup.place(by_id[id])
