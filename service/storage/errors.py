"""What the driver's errors mean here.

`Unavailable`: MongoDB did not answer, and the write may have happened. `Duplicate`: a unique index
refused the document. `WriteConflict`: a transaction has to be tried again. Any other is a defect.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteError,
    WTimeoutError,
)

from service.problems import Unavailable

T = TypeVar("T")

_DUPLICATE_KEY = 11000
# Interrupted by a shutdown, an election or a time limit: nothing is known of the outcome. And a
# snapshot that is not to be had: too old (239), or older than an index that was just made (246).
_UNCERTAIN = frozenset({50, 91, 189, 239, 246, 262, 10058, 10107, 11600, 11602, 13435, 13436})
# Too large for a document, by one of MongoDB's two checks: with the events that wait in it, which
# the stream will take.
_FULL = frozenset({10334, 17419})


class WrongUri(Exception):
    """The URI is not one of MongoDB's, or an option in it is wrong."""


class Duplicate(Exception):
    """A unique index refused a document."""

    def __init__(self, index: str) -> None:
        super().__init__(index)
        self.index = index


class Refused(Exception):
    """One document of a statement over many was refused, which ended the statement there."""


class WriteConflict(Exception):
    """A transaction met another one's write; nothing of it is there, and it may be tried again."""


async def cancellable(call: Awaitable[T]) -> T:
    """Await a call of the driver; a cancellation that got lost in it is raised after it.

    PyMongo sends under `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that
    comes just when what it waits for is done (bpo-37658).
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        return await call
    finally:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError


async def told(call: Awaitable[T]) -> T:
    """Await a call of the driver, its error translated."""
    try:
        return await cancellable(call)
    except PyMongoError as error:
        raise translated(error) from error


async def refused_of(call: Awaitable[Any], count: int) -> Mapping[int, Exception]:
    """Await a write of `count` documents, and give the refused by position.

    Raises: Unavailable, when nothing is known of any.
    """
    try:
        await cancellable(call)
    except BulkWriteError as error:
        return by_position(error.details, count)
    except PyMongoError as error:
        raise translated(error) from error
    return {}


def by_position(reply: Mapping[str, Any], count: int) -> Mapping[int, Exception]:
    """Each refused write's own error, out of a batch of `count`.

    `reply` is MongoDB's, or what the driver made of several replies.
    """
    refused = {entry["index"]: _write_error(entry) for entry in reply.get("writeErrors", ())}
    if reply.get("writeConcernError") or reply.get("writeConcernErrors"):
        # Written, but not known to survive: nobody may be told that it is done.
        refused = {position: Unavailable() for position in range(count)} | refused
    return refused


def _write_error(entry: Mapping[str, Any]) -> Exception:
    if entry["code"] == _DUPLICATE_KEY:
        return Duplicate(_index_of(entry))
    if entry["code"] in _UNCERTAIN | _FULL:
        return Unavailable()
    # The server's own text may repeat the document; the code is enough to find the cause.
    return OperationFailure(f"refused by the database with code {entry['code']}", entry["code"])


def _index_of(entry: Mapping[str, Any]) -> str:
    _, _, rest = str(entry.get("errmsg", "")).partition(" index: ")
    return rest.partition(" ")[0]


async def one_statement(call: Awaitable[T]) -> T:
    """Await a statement over many documents.

    Raises: Refused, Unavailable.
    """
    try:
        return await cancellable(call)
    except WriteError as error:
        raise Unavailable if error.code in _UNCERTAIN else Refused from error
    except DocumentTooLarge as error:
        raise Refused from error
    except PyMongoError as error:
        raise translated(error) from error


def translated(error: PyMongoError) -> Exception:
    """What the error means here."""
    if error.has_error_label("TransientTransactionError"):
        return WriteConflict()
    if isinstance(error, DuplicateKeyError):
        return Duplicate(_index_of(error.details or {}))
    if error.timeout or isinstance(error, ConnectionFailure | ExecutionTimeout | WTimeoutError):
        return Unavailable()
    if isinstance(error, OperationFailure) and error.code in _UNCERTAIN | _FULL:
        return Unavailable()
    return error
