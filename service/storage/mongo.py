"""The one door to MongoDB: only here, and for transactions in `session`, is it known which driver
is behind it.

PyMongo's asyncio API is the default, Motor, which came before it, a setting away: the same calls
work on both. `docs/decisions/0014` has why. With PyMongo the statements that requests wait for
take a shorter way, `direct`.
No error of the driver leaves here but as `service.storage.errors` has it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC
from inspect import isawaitable
from typing import Any, Literal

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import (
    ASCENDING,
    AsyncMongoClient,
    IndexModel,
    ReadPreference,
    ReturnDocument,
    UpdateOne,
)
from pymongo.errors import BulkWriteError, ConfigurationError, PyMongoError
from pymongo.read_concern import ReadConcern

from service.storage.commands import LargeMessage, without_zone
from service.storage.direct import Direct
from service.storage.errors import (
    WrongUri,
    by_position,
    cancellable,
    one_statement,
    refused_of,
    told,
    translated,
)
from service.storage.kind import Index
from service.storage.lines import MOST
from service.storage.session import Session, all_found, all_of
from service.storage.tally import Tally
from service.storage.topology import Topology
from service.tracing import in_span, spanned

Driver = Literal["motor", "pymongo"]
Document = dict[str, Any]

TIME_LIMIT_MS = 2_000
"""How long any one call may take, retries and waiting for a server included.

A caller hears 503 within 3 s of MongoDB going away, also when it only stops answering.
"""


class Mongo:
    """A database, through Motor or PyMongo. Cheap to make: nothing connects before it is used."""

    def __init__(self, uri: str, name: str, driver: Driver = "pymongo") -> None:
        """Raises: WrongUri."""
        client: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
        self.driver = driver
        self.topology = Topology()
        self.tallies: dict[tuple[str, str], Tally] = {}
        """What the batches of each collection and operation have come to."""
        try:
            self._client = client(
                uri,
                appname="svc-user",
                w="majority",
                journal=True,
                retryWrites=True,
                retryReads=True,
                timeoutMS=TIME_LIMIT_MS,
                serverSelectionTimeoutMS=TIME_LIMIT_MS,
                connectTimeoutMS=TIME_LIMIT_MS,
                heartbeatFrequencyMS=2_000,
                maxPoolSize=64 + MOST,
            )
        except (ConfigurationError, ValueError, OSError) as error:  # it reads files of TLS, too
            raise WrongUri(str(error).rstrip(".")) from error
        options: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
        self._database = self._client.get_database(
            name,
            codec_options=options,
            # Whatever the URI says: what was acknowledged is to be read again at once.
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern("local"),
        )
        self._direct: Direct | None = None
        if driver == "pymongo":
            self._direct = Direct(self._client, name, options, TIME_LIMIT_MS / 1_000)
        self._snapshot = self._database.with_options(read_concern=ReadConcern("snapshot"))

    def tally(self, collection: str, operation: str) -> Tally:
        """Where the batches of an operation on a collection are counted."""
        return self.tallies.setdefault((collection, operation), Tally(collection, operation))

    def look(self) -> None:
        """Note in `topology` what the driver knows; asks no server."""
        self.topology.note(self._client.topology_description.has_writable_server())

    async def ping(self) -> None:
        """Ask for a sign of life.

        Raises: Unavailable.
        """
        await told(self._database.command("ping"))

    async def hello(self) -> Mapping[str, Any]:
        """What the server says of itself: its replica set, its clock, its limits.

        Raises: Unavailable.
        """
        answer: Mapping[str, Any] = await told(self._database.command("hello"))
        return answer

    @spanned("find")
    async def find(
        self,
        collection: str,
        query: Mapping[str, Any],
        fields: Mapping[str, Any] | None = None,
        *,
        sort: str | Sequence[str] | None = None,
        limit: int = 0,
        hint: str | None = None,
        majority: bool = False,
        naive: bool = False,
    ) -> list[Document]:
        """The documents that match, in one round trip where they fit into one.

        `sort` names a field, or several, the first before the others. `hint` names the index to
        use, for a query that more than one index could serve badly. `naive` leaves times without a
        time zone, as they are kept, in UTC: `docs/decisions/0016` has when, and why.

        Raises: Unavailable.
        """
        keys = [sort] if isinstance(sort, str) else sort or ()
        level = "majority" if majority else "local"
        if self._direct is not None:
            return await told(
                self._direct.find(collection, query, fields, keys, limit, hint, level, naive)
            )
        options = self._database.codec_options
        there = self._database.get_collection(
            collection,
            codec_options=without_zone(options) if naive else options,
            read_concern=ReadConcern(level),
        )
        return await all_found(there, query, fields, keys, limit, hint)

    @spanned("aggregate")
    async def aggregate(
        self, collection: str, pipeline: Sequence[Mapping[str, Any]]
    ) -> list[Document]:
        """What a pipeline gives for the data as they were, all of them, at one moment.

        Raises: Unavailable.
        """
        return await all_of(self._snapshot[collection].aggregate(pipeline))

    @spanned("aggregate")
    async def look_up(
        self, collection: str, stages: Sequence[Mapping[str, Any]], *, hint: str, most: int
    ) -> list[Document]:
        """What the stages make of the collection, at most so many documents, in one round trip.

        Sent as a plain command: a cursor, of which nothing would be fetched, costs as much again.
        Raises: Unavailable.
        """
        command = {
            "aggregate": collection,
            "pipeline": stages,
            "cursor": {"batchSize": most + 1},
            "hint": hint,
        }
        found: list[Document] = (await self._read(command))["cursor"]["firstBatch"]
        return found

    async def count(
        self, collection: str, query: Mapping[str, Any], *, hint: str, most: int
    ) -> int:
        """How many documents match, counted in the index `hint` up to `most`.

        Sent as a plain command: the driver's own way reads more than the index.
        Raises: Unavailable.
        """
        command = {"count": collection, "query": query, "hint": hint, "limit": most}
        counted: int = (await self._read(command))["n"]
        return counted

    async def _read(self, command: Mapping[str, Any]) -> Document:
        if self._direct is not None:
            return await told(self._direct.read(command))
        options = self._database.codec_options
        return dict(await told(self._database.command(command, codec_options=options)))

    @spanned("insert")
    async def insert(self, collection: str, documents: Sequence[Any]) -> Mapping[int, Exception]:
        """Insert the documents, none in the way of another; give the refused by position.

        Raises: Unavailable, when nothing is known of any.
        """
        if self._direct is not None:
            with suppress(LargeMessage):  # the driver splits it
                reply = await told(self._direct.insert(collection, documents))
                return by_position(reply, len(documents))
        return await refused_of(
            self._database[collection].insert_many(documents, ordered=False), len(documents)
        )

    @spanned("update")
    async def update(
        self, collection: str, updates: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
    ) -> tuple[int, Mapping[int, Exception]]:
        """Carry out each (query, update), none in the way of another.

        Gives how many documents matched, and the refused by position.
        Raises: Unavailable, when nothing is known of any.
        """
        if self._direct is not None:
            with suppress(LargeMessage):
                reply = await told(self._direct.update(collection, updates))
                return reply["n"], by_position(reply, len(updates))
        writes = [UpdateOne(query, update) for query, update in updates]
        try:
            result = await cancellable(self._database[collection].bulk_write(writes, ordered=False))
        except BulkWriteError as error:
            return error.details["nMatched"], by_position(error.details, len(writes))
        except PyMongoError as error:
            raise translated(error) from error
        return result.matched_count, {}

    async def majority_has(self, collection: str, query: Mapping[str, Any]) -> int:
        """How many documents match, told only once a majority has all that was written so far.

        What was only read may yet be rolled back. A write that changes nothing waits for the writes
        before it, and is none itself.
        Raises: Unavailable, when there is no majority.
        """
        nothing = {"$unset": {"nothing": True}}
        matched, _ = await told(self._update_many(collection, query, nothing))
        return matched

    @spanned("findAndModify")
    async def upsert(
        self, collection: str, query: Mapping[str, Any], pipeline: Sequence[Mapping[str, Any]]
    ) -> Document:
        """Change the one document that matches by the pipeline, make it first if there is none.

        Gives it as it is afterwards.
        Raises: Duplicate, when another made it at the same time; Unavailable.
        """
        changing = self._database[collection].find_one_and_update(
            query, pipeline, upsert=True, return_document=ReturnDocument.AFTER
        )
        document: Document = await told(changing)
        return document

    @spanned("delete")
    async def delete(self, collection: str, query: Mapping[str, Any]) -> None:
        """Delete the one document that matches, if there is one.

        Raises: Unavailable.
        """
        await told(self._database[collection].delete_one(query))

    async def delete_all(self, collection: str, query: Mapping[str, Any], *, hint: str) -> None:
        """Delete all that match.

        Raises: Unavailable.
        """
        await told(self._database[collection].delete_many(query, hint=hint))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A transaction over the block: committed at its end, undone when it raises.

        Raises: WriteConflict, Unavailable; what the block raises.
        """
        session = self._client.start_session()
        async with await session if isawaitable(session) else session as opened:
            begun = opened.start_transaction(
                read_concern=ReadConcern("snapshot"), read_preference=ReadPreference.PRIMARY
            )
            if isawaitable(begun):
                await begun
            try:
                yield Session(self._database, opened)
            except BaseException:
                with suppress(PyMongoError):  # the server undoes what nobody commits
                    await opened.abort_transaction()
                raise
            await in_span("commitTransaction", "", told(opened.commit_transaction()))

    @spanned("update")
    async def update_all(
        self, collection: str, query: Mapping[str, Any], pipeline: Sequence[Mapping[str, Any]]
    ) -> int:
        """Change all that match by one statement; give how many are different now.

        Raises: Refused, when those before the refused one are changed, and those after it not;
        Unavailable.
        """
        _, changed = await one_statement(self._update_many(collection, query, pipeline))
        return changed

    async def _update_many(
        self, collection: str, query: Mapping[str, Any], update: Any
    ) -> tuple[int, int]:
        """How many matched, and how many of them are different now."""
        if self._direct is not None:
            with suppress(LargeMessage):
                reply = await self._direct.update_many(collection, query, update)
                return reply["n"], reply["nModified"]
        result = await self._database[collection].update_many(query, update)
        return result.matched_count, result.modified_count

    async def ensure_indexes(self, collection: str, indexes: Sequence[Index]) -> None:
        """Create the indexes that are not there yet.

        Raises: Unavailable; OperationFailure, when one of another shape has its name.
        """
        models = [_model(index) for index in indexes]
        await told(self._database[collection].create_indexes(models))

    async def index_names(self, collection: str) -> frozenset[str]:
        """The names of the indexes that a collection has.

        Raises: Unavailable.
        """
        return frozenset(await told(self._database[collection].index_information()))

    async def parameter(self, name: str) -> Any:
        """A parameter of the server.

        Raises: Unavailable; OperationFailure, where the user may not see it.
        """
        answer = await told(self._client.admin.command({"getParameter": 1, name: 1}))
        return answer[name]

    async def command(self, command: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a database command as it is.

        Raises: Unavailable.
        """
        answer: Mapping[str, Any] = await told(self._database.command(command))
        return answer

    async def drop(self) -> None:
        """Drop the whole database: for tests and tools, never for the service."""
        await told(self._client.drop_database(self._database.name))

    async def close(self) -> None:
        """Close every connection."""
        if self._direct is not None:
            await self._direct.close()
        closing = self._client.close()
        if closing is not None:
            await closing


def _model(index: Index) -> IndexModel:
    options: dict[str, Any] = {"name": index.name}
    if index.unique:
        options["unique"] = True
    if index.expires:
        options["expireAfterSeconds"] = 0
    if index.where is not None:
        options["partialFilterExpression"] = dict(index.where)
    return IndexModel([(key, ASCENDING) for key in index.keys], **options)
