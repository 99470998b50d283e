"""The HTTP port: answers GET and HEAD on a few paths, from a thread with a loop of its own.

A worker whose own loop hangs can still say so there, and making the metrics does not hold up its
requests. HTTP itself is h11's; here are the socket and the limits. They are for who is slow on
purpose: a connection has one exchange and a few seconds for it, and where too many are open, the
oldest is closed for the newest, so that a probe is answered whatever else there is.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from threading import Thread
from urllib.parse import urlsplit

import h11
import structlog

log = structlog.get_logger()

_MOST_OPEN = 64
SECONDS = 5.0
"""What a connection has, from its first byte to its last."""
_LARGEST_HEAD = 16_384
_CHUNK = 65_536
_FAREWELL = 2.0
_METHODS = (b"GET", b"HEAD")


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


Show = Callable[[str], Page]
"""Makes a page, in the port's thread; gets the value of the header `Accept`."""


class HttpPort:
    """A port that shows pages by their paths."""

    def __init__(self, host: str, port: int, pages: Mapping[str, Show]) -> None:
        """`port` 0 is a free one."""
        self.port = port
        self._host = host
        self._pages = pages
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._open: dict[asyncio.StreamWriter, None] = {}
        self._ended = asyncio.Event()

    def open(self) -> None:
        """Listen, and answer from now on.

        Raises: OSError, when the address cannot be had.
        """
        family, *_, address = socket.getaddrinfo(
            self._host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(address[:2], family=family, backlog=_MOST_OPEN)
        self.port = listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, args=(listener,), name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more; whatever is open is cut off."""
        if self._thread is not None and self._loop is not None:
            with suppress(RuntimeError):  # its loop has ended already
                self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(_FAREWELL)

    def _run(self, listener: socket.socket) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:  # type: ignore[arg-type,return-value]  # set by `open`
            runner.run(self._answer_all(listener))

    async def _answer_all(self, listener: socket.socket) -> None:
        server = await asyncio.start_server(self._connected, sock=listener)
        await self._ended.wait()
        server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= _MOST_OPEN:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.transport.abort()
        self._open[writer] = None
        try:
            with suppress(TimeoutError, OSError, h11.ProtocolError):
                async with asyncio.timeout(SECONDS):
                    await self._exchange(reader, writer)
        finally:
            self._open.pop(writer, None)
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)
        try:
            request = await _request(connection, reader)
        except h11.RemoteProtocolError as error:
            request = None
            page = Page(error.error_status_hint, b"This is no HTTP request.\n")
        else:
            if request is None:
                return  # it has gone without asking
            page = self._page(request)
        writer.write(_response(connection, request, page))
        await writer.drain()
        writer.write_eof()
        while await reader.read(_CHUNK):
            pass  # closed with something unread, the answer might not arrive

    def _page(self, request: h11.Request) -> Page:
        if request.method not in _METHODS:
            return Page(405, b"Only GET and HEAD are answered here.\n")
        show = self._pages.get(urlsplit(request.target.decode("ascii", "replace")).path)
        if show is None:
            return Page(404, f"There are {' '.join(self._pages)}\n".encode())
        accept = b",".join(value for name, value in request.headers if name == b"accept")
        try:
            return show(accept.decode("latin-1"))
        except Exception as error:  # noqa: BLE001  # the thread must outlive any page
            log.error("page_failed", error=type(error).__name__)
            return Page(500, b"This page could not be made; the log says why.\n")


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """The head of the request, or None where the connection was closed before it came.

    Raises: RemoteProtocolError.
    """
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if isinstance(event, h11.ConnectionClosed):
            return None
        connection.receive_data(await reader.read(_CHUNK))


def _response(connection: h11.Connection, request: h11.Request | None, page: Page) -> bytes:
    headers = [
        ("Content-Type", page.content_type),
        ("Content-Length", str(len(page.body))),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
    ]
    if page.status == 405:
        headers.append(("Allow", "GET, HEAD"))
    reason = HTTPStatus(page.status).phrase
    head = h11.Response(status_code=page.status, headers=headers, reason=reason)
    parts = [connection.send(head)]
    if request is None or request.method != b"HEAD":
        parts.append(connection.send(h11.Data(data=page.body)))
    parts.append(connection.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)
