"""Commands straight over connections of PyMongo's, past the layers of its own calls.

What the driver does anew for each call (it chooses a server, takes a connection from the pool and
gives it back, makes a session, a cursor, and three tasks around the socket) is two thirds of what a
call costs: `docs/decisions/0015` has the figures. It stays in charge of what is hard: it connects,
authenticates, watches the servers, and hears of every failure as it hears of those of its own
calls. For this its private parts are used: each minor release wants a look before it is let in.
"""

import asyncio
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bson import Binary, CodecOptions, Int64
from pymongo.asynchronous.mongo_client import AsyncMongoClient
from pymongo.asynchronous.pool import AsyncConnection
from pymongo.errors import AutoReconnect, ConnectionFailure, PyMongoError
from pymongo.helpers_shared import (
    _REAUTHENTICATION_REQUIRED_CODE,
    _RETRYABLE_ERROR_CODES,
    _check_command_response,
    _check_write_command_response,
)
from pymongo.message import _UNPACK_REPLY, _op_msg

from service.storage.lines import Lines

Command = MutableMapping[str, Any]
Document = dict[str, Any]

_PAUSE = 0.02
"""Seconds between two attempts."""
_RETRYABLE = "RetryableWriteError"


class LargeMessage(Exception):
    """More than one message holds, or one document: the driver splits it, or knows what is wrong.

    Nothing was sent.
    """


@dataclass(slots=True)
class _Session:
    """What MongoDB knows a repeated write by: an id, and a number for each write."""

    id: Document = field(default_factory=lambda: {"id": Binary.from_uuid(uuid4())})
    writes: int = 0


class Commands:
    """What the commands of one database are carried out by."""

    def __init__(
        self, client: AsyncMongoClient[Any], database: str, options: CodecOptions[Any], limit: float
    ) -> None:
        """`limit` is how many seconds a command may take, all attempts included."""
        self._lines = Lines(client)
        self._database = database
        self._options = options
        self._naive = without_zone(options)
        # MongoDB's text of a duplicate may end in the middle of a character.
        self._lenient = options.with_options(unicode_decode_error_handler="replace")
        self._limit = limit
        self._sessions: list[_Session] = []

    async def read(self, command: Command, *, again: bool = True, naive: bool = False) -> Document:
        """Carry out a command that changes nothing, `again` where the connection failed.

        `naive` leaves dates without a time zone, as they come.
        Raises: PyMongoError.
        """
        return await self._carried_out(command, self._naive if naive else self._options, again)

    async def write(self, command: Command) -> Document:
        """Carry out a command once; what a failure left behind is not known.

        Raises: PyMongoError, also for a write that was refused; LargeMessage.
        """
        judge = _check_write_command_response
        return await self._carried_out(command, self._lenient, again=False, judge=judge)

    async def write_retryably(self, command: Command) -> Document:
        """Carry out a command of MongoDB's retryable writes: of all attempts only one counts.

        Raises: PyMongoError; LargeMessage.
        """
        session = self._sessions.pop() if self._sessions else _Session()
        session.writes += 1
        command.update(lsid=session.id, txnNumber=Int64(session.writes))
        reply = await self._carried_out(command, self._lenient, again=True)
        # Only now: after a failure its last write may still be going on.
        self._sessions.append(session)
        return reply

    async def close(self) -> None:
        """Give all connections back, those in use when they are done."""
        await self._lines.close()

    async def _carried_out(
        self,
        command: Command,
        options: CodecOptions[Any],
        again: bool,
        judge: Callable[[Document], None] | None = None,
    ) -> Document:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limit
        while True:
            try:
                return await self._attempt(command, options, deadline, judge)
            except PyMongoError as error:
                if not again or not _may_pass(error):
                    raise
                if loop.time() + _PAUSE >= deadline:
                    raise AutoReconnect("no attempt has succeeded in time") from error
            await asyncio.sleep(_PAUSE)

    async def _attempt(
        self,
        command: Command,
        options: CodecOptions[Any],
        deadline: float,
        judge: Callable[[Document], None] | None,
    ) -> Document:
        line = await self._lines.take(deadline)
        now = asyncio.get_running_loop().time()
        if "getMore" not in command:  # which has that of its cursor
            command["maxTimeMS"] = max(1, round((deadline - now) * 1_000))
        try:
            reply = await self._exchange(line.connection, command, options, deadline)
            _check_command_response(reply, None)
            if judge is not None:
                judge(reply)
        except BaseException as error:
            if getattr(error, "code", None) == _REAUTHENTICATION_REQUIRED_CODE:
                await line.connection.close_conn(None)  # a new one authenticates itself
            await self._lines.end(line, error)
            raise
        await self._lines.free(line)
        if _RETRYABLE in reply.get("errorLabels", ()):
            # Written, but by a primary that may not have the majority any more.
            _check_command_response(reply, None, parse_write_concern_error=True)
        return reply

    async def _exchange(
        self,
        connection: AsyncConnection,
        command: Command,
        options: CodecOptions[Any],
        deadline: float,
    ) -> Document:
        number, message, _, largest = _op_msg(0, command, self._database, None, options)
        parts = command.get("documents") or command.get("updates") or ()
        if (
            largest > connection.max_bson_size
            or len(message) > connection.max_message_size
            or len(parts) > connection.max_write_batch_size
        ):
            raise LargeMessage
        protocol = connection.conn.get_conn
        try:
            # A limit of its own: the driver may lose a cancellation that came while it connected.
            async with asyncio.timeout_at(deadline):
                await protocol.write(message)
                answer, kind = await protocol.read(number, connection.max_message_size)
            # It stops reading after each answer, and would not see that the server hangs up.
            protocol.transport.resume_reading()
        except BaseException as error:  # noqa: BLE001  # cancelled too: it closes, and raises
            # The answer that comes yet would be taken for that to the next command.
            await connection._raise_connection_failure(error)
        reply: Document = _UNPACK_REPLY[kind](answer).command_response(options)
        return reply


def without_zone(options: CodecOptions[Any]) -> CodecOptions[Any]:
    """The same options, but that dates are decoded without a time zone, as they are kept."""
    return options.with_options(tz_aware=False, tzinfo=None)


def _may_pass(error: PyMongoError) -> bool:
    """Whether the same command may succeed if it is sent again, as the driver sees it."""
    if isinstance(error, ConnectionFailure) or error.has_error_label(_RETRYABLE):
        return True
    if error.has_error_label("RetryableError"):  # an overloaded server's
        return True
    code = getattr(error, "code", None)
    return code in _RETRYABLE_ERROR_CODES or code == _REAUTHENTICATION_REQUIRED_CODE
