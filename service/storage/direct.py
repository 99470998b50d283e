"""The statements that requests wait for, as MongoDB's own commands."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bson import CodecOptions, Int64
from pymongo import ASCENDING, AsyncMongoClient
from pymongo.errors import NetworkTimeout

from service.storage.commands import Commands, Document
from service.storage.session import BATCH


class Direct:
    """The statements of one database.

    They are acknowledged as the driver's own are: by a majority, in the journal.
    """

    def __init__(
        self, client: AsyncMongoClient[Any], database: str, options: CodecOptions[Any], limit: float
    ) -> None:
        """`limit` is how many seconds a statement may take."""
        self._commands = Commands(client, database, options, limit)
        self._limit = limit
        self._acknowledged = {"w": "majority", "j": True}

    async def read(self, command: Mapping[str, Any]) -> Document:
        """Carry out a command that changes nothing.

        Raises: PyMongoError.
        """
        return await self._commands.read(dict(command))

    async def find(  # what a query consists of
        self,
        collection: str,
        query: Mapping[str, Any],
        fields: Mapping[str, Any] | None,
        sort: Sequence[str],
        limit: int,
        hint: str | None,
        level: str,
        naive: bool = False,
    ) -> list[Document]:
        """The documents that match, at a read concern's level; a `limit` of 0 is none.

        `naive` leaves their dates without a time zone.

        Raises: PyMongoError.
        """
        command: Document = {"find": collection, "filter": query}
        if sort:
            command["sort"] = dict.fromkeys(sort, ASCENDING)
        if fields:
            command["projection"] = fields
        if hint is not None:
            command["hint"] = hint
        if limit:
            command["limit"] = limit
        # One more than the limit, so that the server closes the cursor with the first batch.
        command.update(batchSize=limit + 1 if limit else BATCH, readConcern={"level": level})
        began = asyncio.get_running_loop().time()
        cursor = (await self._commands.read(command, naive=naive))["cursor"]
        found: list[Document] = cursor["firstBatch"]
        if cursor["id"]:
            try:
                async with asyncio.timeout_at(began + self._limit):
                    await self._fetch_rest(collection, cursor["id"], found, naive)
            except TimeoutError:
                raise NetworkTimeout("not all was found in time") from None
        return found

    async def _fetch_rest(
        self, collection: str, cursor: int, found: list[Document], naive: bool
    ) -> None:
        """Fetch what a first reply had no room for."""
        while cursor:
            command: Document = {
                "getMore": Int64(cursor),
                "collection": collection,
                "batchSize": BATCH,
            }
            # Once: a batch whose answer is lost would be left out.
            more = (await self._commands.read(command, again=False, naive=naive))["cursor"]
            found += more["nextBatch"]
            cursor = more["id"]

    async def insert(self, collection: str, documents: Sequence[Any]) -> Document:
        """Insert the documents, none in the way of another; the reply tells of the refused.

        Raises: PyMongoError; LargeMessage.
        """
        return await self._commands.write_retryably(
            {
                "insert": collection,
                "ordered": False,
                "writeConcern": self._acknowledged,
                "documents": documents,
            }
        )

    async def update(
        self, collection: str, updates: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
    ) -> Document:
        """Carry out each (query, update) on one document, none in the way of another.

        The reply tells how many documents matched, and of the refused.
        Raises: PyMongoError; LargeMessage.
        """
        return await self._commands.write_retryably(
            {
                "update": collection,
                "ordered": False,
                "writeConcern": self._acknowledged,
                "updates": [{"q": query, "u": update} for query, update in updates],
            }
        )

    async def update_many(self, collection: str, query: Mapping[str, Any], update: Any) -> Document:
        """Update all that match; the reply tells how many did, and how many are different now.

        Raises: PyMongoError; LargeMessage.
        """
        return await self._commands.write(
            {
                "update": collection,
                "writeConcern": self._acknowledged,
                "updates": [{"q": query, "u": update, "multi": True}],
            }
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._commands.close()
