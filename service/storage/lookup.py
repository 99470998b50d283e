"""Lookups: documents found by id where a plain read of one collection does not tell enough.

What is asked for in several collections at once, or together with what a document points to, comes
in one round trip: an aggregation over the ids of all who ask at the time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from service.storage.coalescer import Coalescer
from service.storage.mongo import Document, Mongo

Stages = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A way to find documents by id: the collection to begin in, and what to do from there.

    The stages give at most one document for each id, with that id as `_id`.
    """

    collection: str
    stages: Callable[[Sequence[str]], Stages]


class LookupReader:
    """Carries out one lookup, for all who ask at the time in one round trip."""

    def __init__(self, mongo: Mongo, lookup: Lookup) -> None:
        self._mongo = mongo
        self._lookup = lookup
        self._coalescer: Coalescer[str, Document | None] = Coalescer(self._flush)

    async def read(self, id: str) -> Document | None:
        """What the lookup finds under the id, or None; shared, and not to be changed.

        Raises: Unavailable.
        """
        return await self._coalescer.submit(id)

    async def _flush(self, ids: list[str]) -> list[Document | None]:
        wanted = list(set(ids))
        found = await self._mongo.look_up(
            self._lookup.collection, self._lookup.stages(wanted), hint="_id_", most=len(wanted)
        )
        by_id = {document["_id"]: document for document in found}
        return [by_id.get(id) for id in ids]
