"""What a transaction reads and writes: the half of the door to MongoDB that has a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING

from service.storage.errors import WriteConflict, refused_of, told
from service.tracing import spanned

if TYPE_CHECKING:
    from service.storage.mongo import Document

BATCH = 1_000
"""Documents of one reply, where no limit says how many there may be."""


class Session:
    """What a transaction reads and writes."""

    def __init__(self, database: Any, session: Any) -> None:
        self._database = database
        self._session = session

    @spanned("find")
    async def find(
        self,
        collection: str,
        query: Mapping[str, Any],
        fields: Mapping[str, Any] | None = None,
        *,
        sort: str,
        hint: str,
        limit: int = 0,
    ) -> list[Document]:
        """The documents that match in the transaction's snapshot.

        Raises: WriteConflict, Unavailable.
        """
        there = self._database[collection]
        return await all_found(there, query, fields, [sort], limit, hint, self._session)

    @spanned("aggregate")
    async def aggregate(
        self, collection: str, pipeline: Sequence[Mapping[str, Any]]
    ) -> list[Document]:
        """What a pipeline gives for the transaction's snapshot.

        Raises: WriteConflict, Unavailable.
        """
        return await all_of(self._database[collection].aggregate(pipeline, session=self._session))

    @spanned("insert")
    async def insert(self, collection: str, encoded: bytes) -> None:
        """Insert a document.

        Raises: Duplicate, naming the unique index; WriteConflict, Unavailable.
        """
        document = RawBSONDocument(encoded)
        await told(self._database[collection].insert_one(document, session=self._session))

    @spanned("insert")
    async def insert_all(self, collection: str, encoded: Sequence[bytes]) -> None:
        """Insert several documents in one round trip.

        Raises: Duplicate, naming the unique index; WriteConflict, Unavailable.
        """
        documents = [RawBSONDocument(each) for each in encoded]
        inserting = self._database[collection].insert_many(documents, session=self._session)
        for error in (await refused_of(inserting, len(documents))).values():
            raise error

    @spanned("update")
    async def update(
        self, collection: str, query: Mapping[str, Any], update: Mapping[str, Any]
    ) -> None:
        """Update the one document that matches.

        Raises: Duplicate, naming the unique index; WriteConflict, also when there is none;
        Unavailable.
        """
        updating = self._database[collection].update_one(query, update, session=self._session)
        result = await told(updating)
        if result.matched_count == 0:
            raise WriteConflict

    async def update_all(
        self, collection: str, query: Mapping[str, Any], pipeline: Sequence[Mapping[str, Any]]
    ) -> int:
        """Change all that match by one statement; give how many are different now.

        Raises: WriteConflict, Unavailable.
        """
        updating = self._database[collection].update_many(query, pipeline, session=self._session)
        changed: int = (await told(updating)).modified_count
        return changed


async def all_found(  # what a query consists of
    collection: Any,
    query: Mapping[str, Any],
    fields: Mapping[str, Any] | None,
    sort: Sequence[str],
    limit: int,
    hint: str | None,
    session: Any = None,
) -> list[Document]:
    """All documents that match, in one round trip where they fit into one, of either driver.

    Raises: WriteConflict, Unavailable.
    """
    cursor = collection.find(query, fields, limit=limit, batch_size=limit or BATCH, session=session)
    if sort:
        cursor = cursor.sort([(key, ASCENDING) for key in sort])
    if hint is not None:
        cursor = cursor.hint(hint)
    found: list[Document] = await told(cursor.to_list(None))
    return found


async def all_of(aggregation: Any) -> list[Document]:
    """All that an aggregation gives, of either driver.

    Raises: WriteConflict, Unavailable.
    """
    cursor = await told(aggregation) if isawaitable(aggregation) else aggregation
    found: list[Document] = await told(cursor.to_list(None))
    return found
