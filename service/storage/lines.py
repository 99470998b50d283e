"""Commands straight over connections of PyMongo's, which are kept from one command to the next.

What the driver does anew for each call (it chooses a server, takes a connection from the pool and
gives it back, makes a session, a cursor, and three tasks around the socket) is two thirds of what a
call costs: `docs/decisions/0015` has the figures. It stays in charge of what is hard: it connects,
authenticates, watches the servers, and hears of every failure as it hears of those of its own
calls. For this its private parts are used: each minor release wants a look before it is let in.
"""

import asyncio
from collections.abc import MutableMapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bson import Binary, CodecOptions, Int64
from pymongo.asynchronous.mongo_client import AsyncMongoClient
from pymongo.asynchronous.pool import AsyncConnection
from pymongo.errors import AutoReconnect, ConnectionFailure, DocumentTooLarge, NetworkTimeout
from pymongo.helpers_shared import _check_command_response
from pymongo.message import _UNPACK_REPLY, _op_msg
from pymongo.server_selectors import writable_server_selector
from pymongo.topology_description import TopologyDescription

Document = dict[str, Any]

_MOST_KEPT = 16
"""Connections that are kept while nobody uses them; the pool has 64."""


class LargeMessage(Exception):
    """A command is larger than a message may be; the driver would split it."""


@dataclass(slots=True)
class _Line:
    """A connection to the primary, checked out of the driver's pool until something changes."""

    checkout: AbstractAsyncContextManager[AsyncConnection]
    connection: AsyncConnection
    chosen_by: TopologyDescription
    """What was known of the servers when it was chosen."""

    async def end(self, error: BaseException | None = None) -> None:
        """Give the connection back, or up; the driver draws its conclusions from the error."""
        await self.checkout.__aexit__(type(error) if error else None, error, None)


@dataclass(slots=True)
class _Session:
    """What MongoDB knows a repeated write by: an id, and a number for each write."""

    id: Document = field(default_factory=lambda: {"id": Binary.from_uuid(uuid4())})
    writes: int = 0


class Lines:
    """What the commands of one database are sent over."""

    def __init__(
        self, client: AsyncMongoClient[Any], database: str, options: CodecOptions[Any], limit: float
    ) -> None:
        """`limit` is how many seconds a command may take, another attempt included."""
        self._client = client
        self._database = database
        self._options = options
        self._limit = limit
        self._lines: list[_Line] = []
        self._sessions: list[_Session] = []

    async def read(self, command: MutableMapping[str, Any]) -> Document:
        """Carry out a command that changes nothing, and once more where its connection failed.

        Raises: PyMongoError; LargeMessage.
        """
        return await self._limited(command, again=True)

    async def write(self, command: MutableMapping[str, Any]) -> Document:
        """Carry out a command once; what a failure left behind is not known.

        Raises: PyMongoError; LargeMessage.
        """
        return await self._limited(command, again=False)

    async def write_retryably(self, command: MutableMapping[str, Any]) -> Document:
        """Carry out a command of MongoDB's retryable writes: of two attempts only one counts.

        Raises: PyMongoError; LargeMessage.
        """
        session = self._sessions.pop() if self._sessions else _Session()
        session.writes += 1
        command.update(lsid=session.id, txnNumber=Int64(session.writes))
        reply = await self._limited(command, again=True)
        # Only now: after a failure its last write may still be going on.
        self._sessions.append(session)
        return reply

    async def close(self) -> None:
        """Give all connections back."""
        while self._lines:
            await self._lines.pop().end()

    async def _limited(self, command: MutableMapping[str, Any], again: bool) -> Document:
        command["maxTimeMS"] = round(self._limit * 1_000)
        try:
            async with asyncio.timeout(self._limit):
                try:
                    return await self._once(command)
                except ConnectionFailure:
                    if not again:
                        raise
                return await self._once(command)
        except TimeoutError:
            raise NetworkTimeout("MongoDB did not answer in time") from None

    async def _once(self, command: MutableMapping[str, Any]) -> Document:
        line = await self._line()
        try:
            reply = await self._exchange(line.connection, command)
            _check_command_response(reply, line.connection.max_wire_version)
            if "RetryableWriteError" in reply.get("errorLabels", ()):
                raise AutoReconnect("written, but a new primary may not have it", reply)
        except BaseException as error:
            await line.end(error)
            raise
        if len(self._lines) < _MOST_KEPT:
            self._lines.append(line)
        else:
            await line.end()
        return reply

    async def _line(self) -> _Line:
        known = self._client.topology_description
        while self._lines:
            line = self._lines.pop()
            if line.connection.conn_closed():
                await line.connection.close_conn(None)
            elif line.chosen_by is known:
                return line
            await line.end()
        server = await self._client._select_server(writable_server_selector, None, "command")
        known = self._client.topology_description
        checkout = self._client._checkout(server, None)
        return _Line(checkout, await checkout.__aenter__(), known)

    async def _exchange(
        self, connection: AsyncConnection, command: MutableMapping[str, Any]
    ) -> Document:
        number, message, _, largest = _op_msg(0, command, self._database, None, self._options)
        if largest > connection.max_bson_size:
            raise DocumentTooLarge(f"a part of the command has {largest} bytes")
        if len(message) > connection.max_message_size:
            raise LargeMessage
        protocol = connection.conn.get_conn
        try:
            await protocol.write(message)
            answer, kind = await protocol.read(number, connection.max_message_size)
            # It stops reading after each answer, and would not see that the server hangs up.
            protocol.transport.resume_reading()
        except BaseException as error:  # noqa: BLE001  # cancelled too: it closes, and raises
            # The answer that comes yet would be taken for that to the next command.
            await connection._raise_connection_failure(error)
        reply: Document = _UNPACK_REPLY[kind](answer).command_response(self._options)
        return reply
