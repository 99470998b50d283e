"""The one door to MongoDB: the only module that knows which driver is behind it.

Motor is the default; PyMongo's own asyncio API is its successor, and the same calls work on both.
Every error of the driver leaves here as one of three: `Unavailable` (MongoDB did not answer, the
write may have happened), `Duplicate` (a unique index refused the document), or as it was: a defect.
"""

from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC
from typing import Any, Literal, TypeVar

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, AsyncMongoClient, IndexModel, UpdateOne
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern

from service.problems import Unavailable
from service.storage.kind import Index

Driver = Literal["motor", "pymongo"]
Document = dict[str, Any]
T = TypeVar("T")

TIME_LIMIT_MS = 2_000
"""How long any one call may take, retries and waiting for a server included.

A caller hears 503 within 3 s of MongoDB going away, also when it only stops answering.
"""

_DUPLICATE_KEY = 11000
# Interrupted by a shutdown, an election or a time limit: nothing is known of the outcome.
_UNCERTAIN = frozenset({50, 91, 189, 262, 10058, 10107, 11600, 11602, 13435, 13436})


class Duplicate(Exception):
    """A unique index refused a document."""

    def __init__(self, index: str) -> None:
        super().__init__(index)
        self.index = index


class Mongo:
    """A database, through Motor or PyMongo. Cheap to make: nothing connects before it is used."""

    def __init__(self, uri: str, name: str, driver: Driver = "motor") -> None:
        client: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
        self.driver = driver
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
            maxPoolSize=64,
        )
        options: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
        self._database = self._client.get_database(name, codec_options=options)
        self._majority = self._database.with_options(read_concern=ReadConcern("majority"))

    async def ping(self) -> None:
        """Ask for a sign of life.

        Raises: Unavailable.
        """
        await _told(self._database.command("ping"))

    async def hello(self) -> Mapping[str, Any]:
        """What the server says of itself: its replica set, its clock, its limits.

        Raises: Unavailable.
        """
        answer: Mapping[str, Any] = await _told(self._database.command("hello"))
        return answer

    async def find(
        self,
        collection: str,
        query: Mapping[str, Any],
        fields: Mapping[str, Any] | None = None,
        *,
        sort: str | None = None,
        limit: int = 0,
        hint: str | None = None,
        majority: bool = False,
    ) -> list[Document]:
        """The documents that match, in one round trip where they fit into one.

        `hint` names the index to use, for a query that more than one index could serve badly.

        Raises: Unavailable.
        """
        database = self._majority if majority else self._database
        cursor = database[collection].find(query, fields, limit=limit, batch_size=limit or 1_000)
        if sort is not None:
            cursor = cursor.sort(sort, ASCENDING)
        if hint is not None:
            cursor = cursor.hint(hint)
        found: list[Document] = await _told(cursor.to_list(None))
        return found

    async def insert(self, collection: str, documents: Sequence[Any]) -> Mapping[int, Exception]:
        """Insert the documents, none in the way of another; give the refused by position.

        Raises: Unavailable, when nothing is known of any.
        """
        return await _refused(
            self._database[collection].insert_many(documents, ordered=False), len(documents)
        )

    async def update(
        self, collection: str, updates: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
    ) -> tuple[int, Mapping[int, Exception]]:
        """Carry out each (query, update), none in the way of another.

        Gives how many documents matched, and the refused by position.
        Raises: Unavailable, when nothing is known of any.
        """
        writes = [UpdateOne(query, update) for query, update in updates]
        try:
            result = await self._database[collection].bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            return error.details["nMatched"], _by_position(error, len(writes))
        except PyMongoError as error:
            raise _translated(error) from error
        return result.matched_count, {}

    async def ensure_indexes(self, collection: str, indexes: Sequence[Index]) -> None:
        """Create the indexes that are not there yet.

        Raises: Unavailable; OperationFailure, when one of another shape has its name.
        """
        models = [_model(index) for index in indexes]
        await _told(self._database[collection].create_indexes(models))

    async def index_names(self, collection: str) -> frozenset[str]:
        """The names of the indexes that a collection has.

        Raises: Unavailable.
        """
        return frozenset(await _told(self._database[collection].index_information()))

    async def command(self, command: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a database command as it is.

        Raises: Unavailable.
        """
        answer: Mapping[str, Any] = await _told(self._database.command(command))
        return answer

    async def drop(self) -> None:
        """Drop the whole database: for tests and tools, never for the service."""
        await _told(self._client.drop_database(self._database.name))

    async def close(self) -> None:
        """Close every connection."""
        closing = self._client.close()
        if closing is not None:
            await closing


def _model(index: Index) -> IndexModel:
    options: dict[str, Any] = {"name": index.name}
    if index.unique:
        options["unique"] = True
    if index.where is not None:
        options["partialFilterExpression"] = dict(index.where)
    return IndexModel([(key, ASCENDING) for key in index.keys], **options)


async def _told(call: Awaitable[T]) -> T:
    """Await a call of the driver, its error translated."""
    try:
        return await call
    except PyMongoError as error:
        raise _translated(error) from error


async def _refused(call: Awaitable[Any], count: int) -> Mapping[int, Exception]:
    try:
        await call
    except BulkWriteError as error:
        return _by_position(error, count)
    except PyMongoError as error:
        raise _translated(error) from error
    return {}


def _by_position(error: BulkWriteError, count: int) -> Mapping[int, Exception]:
    refused = {entry["index"]: _write_error(entry) for entry in error.details["writeErrors"]}
    if error.details["writeConcernErrors"]:
        # Written, but not known to survive: nobody may be told that it is done.
        refused = {position: Unavailable() for position in range(count)} | refused
    return refused


def _write_error(entry: Mapping[str, Any]) -> Exception:
    if entry["code"] == _DUPLICATE_KEY:
        return Duplicate(_index_of(entry))
    if entry["code"] in _UNCERTAIN:
        return Unavailable()
    # The server's own text may repeat the document; the code is enough to find the cause.
    return OperationFailure(f"refused by the database with code {entry['code']}", entry["code"])


def _index_of(entry: Mapping[str, Any]) -> str:
    _, _, rest = str(entry.get("errmsg", "")).partition(" index: ")
    return rest.partition(" ")[0]


def _translated(error: PyMongoError) -> Exception:
    if error.timeout or isinstance(error, ConnectionFailure | ExecutionTimeout | WTimeoutError):
        return Unavailable()
    if isinstance(error, OperationFailure) and error.code in _UNCERTAIN:
        return Unavailable()
    return error
