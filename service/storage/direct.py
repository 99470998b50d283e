"""The statements of which a request waits, as MongoDB's own commands."""

from collections.abc import Mapping, Sequence
from typing import Any

from bson import CodecOptions
from pymongo import ASCENDING, AsyncMongoClient
from pymongo.helpers_shared import _check_write_command_response

from service.storage.lines import Document, Lines


class Direct:
    """The statements of one database.

    They are acknowledged as the driver's own are: by a majority, in the journal.
    """

    def __init__(
        self, client: AsyncMongoClient[Any], database: str, options: CodecOptions[Any], limit: float
    ) -> None:
        """`limit` is how many seconds a statement may take."""
        self._lines = Lines(client, database, options, limit)
        self._acknowledged = {"w": "majority", "j": True}

    async def read(self, command: Mapping[str, Any]) -> Document:
        """Carry out a command that changes nothing.

        Raises: PyMongoError.
        """
        return await self._lines.read(dict(command))

    async def find(  # what a query consists of
        self,
        collection: str,
        query: Mapping[str, Any],
        fields: Mapping[str, Any] | None,
        sort: Sequence[str],
        limit: int,
        hint: str | None,
    ) -> list[Document] | None:
        """The documents that match, or None where one reply has no room for all of them.

        Raises: PyMongoError.
        """
        command: Document = {"find": collection, "filter": query}
        if sort:
            command["sort"] = dict.fromkeys(sort, ASCENDING)
        if fields:
            command["projection"] = fields
        if hint is not None:
            command["hint"] = hint
        command.update(limit=limit, batchSize=limit, readConcern={"level": "local"})
        cursor = (await self._lines.read(command))["cursor"]
        if cursor["id"]:
            await self._lines.read({"killCursors": collection, "cursors": [cursor["id"]]})
            return None
        found: list[Document] = cursor["firstBatch"]
        return found

    async def insert(self, collection: str, documents: Sequence[Any]) -> Document:
        """Insert the documents, none in the way of another; the reply tells of the refused.

        Raises: PyMongoError; LargeMessage.
        """
        return await self._lines.write_retryably(
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
        return await self._lines.write_retryably(
            {
                "update": collection,
                "ordered": False,
                "writeConcern": self._acknowledged,
                "updates": [{"q": query, "u": update} for query, update in updates],
            }
        )

    async def update_many(self, collection: str, query: Mapping[str, Any], update: Any) -> Document:
        """Update all that match; the reply tells how many did, and how many are different now.

        Raises: PyMongoError.
        """
        reply = await self._lines.write(
            {
                "update": collection,
                "writeConcern": self._acknowledged,
                "updates": [{"q": query, "u": update, "multi": True}],
            }
        )
        _check_write_command_response(reply)
        return reply

    async def close(self) -> None:
        """Give the connections back."""
        await self._lines.close()
