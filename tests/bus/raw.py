"""A client that speaks NATS's protocol byte by byte, to send what no library would."""

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit
from uuid import uuid4

from service.operation import Operation
from tests.client import Reply, judged

_CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"lang":"tests"}\r\n'


@dataclass
class Message:
    """A message as it came."""

    subject: bytes
    headers: dict[str, str]
    data: bytes


@dataclass
class RawClient:
    """One connection. What it sends is not looked at; what it hears is kept by subject."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    complaints: list[bytes] = field(default_factory=list)
    """What the server had against it."""
    heard: list[Message] = field(default_factory=list)
    """What came on other subjects than those of its own requests."""

    def __post_init__(self) -> None:
        self._inbox = f"_INBOX.{uuid4().hex}".encode()
        self._count = itertools.count(1)
        self._waiting: dict[bytes, asyncio.Future[Message]] = {}
        self._pongs: list[asyncio.Future[None]] = []
        self._reading = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def connect(cls, url: str) -> Self:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 4222)
        client = cls(reader, writer)
        writer.write(_CONNECT)
        client.subscribe(client._inbox + b".*")
        await client.flush()
        return client

    async def close(self) -> None:
        self._reading.cancel()
        self.writer.close()
        await self.writer.wait_closed()

    def subscribe(self, subject: bytes) -> None:
        self.writer.write(b"SUB %b %d\r\n" % (subject, next(self._count)))

    def publish(
        self, subject: bytes, payload: bytes = b"", headers: bytes = b"", reply: bytes = b""
    ) -> None:
        """Send a message; `headers` is the whole block, with its status line and its ends."""
        to = subject + (b" " + reply if reply else b"")
        if headers:
            sizes = (len(headers), len(headers) + len(payload))
            self.writer.write(b"HPUB %b %d %d\r\n%b%b\r\n" % (to, *sizes, headers, payload))
        else:
            self.writer.write(b"PUB %b %d\r\n%b\r\n" % (to, len(payload), payload))

    async def request(
        self, operation: Operation, partner: bytes, payload: bytes = b"", headers: bytes = b""
    ) -> Reply:
        """Send a request, and hold the answer to the contract."""
        reply = b"%b.%d" % (self._inbox, next(self._count))
        self._waiting[reply] = asyncio.get_running_loop().create_future()
        subject = operation.subject.encode().replace(b"*", partner)
        self.publish(subject, payload, headers, reply)
        message = await asyncio.wait_for(self._waiting[reply], 10)
        return judged(operation, message.headers, message.data)

    async def flush(self) -> None:
        """Return once the server has seen all that was sent, and we all that it had sent."""
        pong = asyncio.get_running_loop().create_future()
        self._pongs.append(pong)
        self.writer.write(b"PING\r\n")
        await asyncio.wait_for(pong, 10)

    async def _read(self) -> None:
        while line := (await self.reader.readline()).removesuffix(b"\r\n"):
            verb = line.partition(b" ")[0]
            if verb in {b"MSG", b"HMSG"}:
                self._take(await self._message(line))
            elif verb == b"PING":
                self.writer.write(b"PONG\r\n")
            elif verb == b"PONG":
                self._pongs.pop(0).set_result(None)
            elif verb == b"-ERR":
                self.complaints.append(line)

    async def _message(self, line: bytes) -> Message:
        verb, subject, *rest = line.split(b" ")
        size = int(rest[-1])
        head = int(rest[-2]) if verb == b"HMSG" else 0
        body = (await self.reader.readexactly(size + 2))[:-2]
        lines = body[:head].decode().split("\r\n")[1:-2]
        headers = dict(each.split(": ", 1) for each in lines)
        return Message(subject, headers, body[head:])

    def _take(self, message: Message) -> None:
        waiting = self._waiting.pop(message.subject, None)
        if waiting is None:
            self.heard.append(message)
        elif not waiting.done():
            waiting.set_result(message)


def block(*lines: bytes, status: bytes = b"NATS/1.0") -> bytes:
    """A header block of these lines."""
    return b"".join(line + b"\r\n" for line in (status, *lines, b""))
