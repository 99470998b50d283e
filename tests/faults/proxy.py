"""A TCP proxy between a worker and a server, to hold bytes back and to cut connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.local.ports import LOOPBACK, free_port

CHUNK = 65_536


class _Way:
    """One direction of one connection."""

    def __init__(self, proxy: "Proxy", outward: bool, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._outward = outward
        self._writer = writer
        self.held = b""
        self.holds = False

    def take(self, data: bytes) -> None:
        """Send the bytes on, or keep them back from where the proxy was told to."""
        pattern = self._proxy.pattern(self._outward)
        if not self.holds and pattern is not None and (at := data.find(pattern)) >= 0:
            self._send(data[:at])
            data, self.holds = data[at:], True
            self._proxy.on_hold.set()
        if self.holds:
            self.held += data
        else:
            self._send(data)

    def release(self) -> None:
        """Send what was held back, and all that follows."""
        self._send(self.held)
        self.held, self.holds = b"", False

    def close(self) -> None:
        """Close the connection that this way leads to."""
        self._writer.close()

    def _send(self, data: bytes) -> None:
        if not self._writer.is_closing():  # else there is nobody to send it to any more
            self._writer.write(data)


class Proxy:
    """Passes everything on until it is told otherwise."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._patterns: dict[bool, bytes] = {}
        self._ways: list[tuple[_Way, _Way]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = free_port()
        self.on_hold = asyncio.Event()
        """Set once the pattern has been seen."""

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        return f"nats://{self.address}"

    async def start(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._connected, LOOPBACK, self.port)

    async def stop(self) -> None:
        """Take no more connections, and cut those that there are."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()

    def hold_outward(self, pattern: bytes) -> None:
        """Keep back what the worker sends, from the first byte of the pattern on."""
        self._patterns = {True: pattern}
        self.on_hold.clear()

    def hold_inward(self, pattern: bytes) -> None:
        """Keep back what the server sends, from the first byte of the pattern on."""
        self._patterns = {False: pattern}
        self.on_hold.clear()

    @property
    def held(self) -> bytes:
        """What is held back at present."""
        return b"".join(way.held for ways in self._ways for way in ways)

    def pattern(self, outward: bool) -> bytes | None:
        """Where a direction is to be held up."""
        return self._patterns.get(outward)

    def release(self) -> None:
        """Send on what was held back, and hold nothing any more."""
        self._patterns = {}
        for ways in self._ways:
            for way in ways:
                way.release()

    def say_inward(self, line: bytes) -> None:
        """Send the worker a line as if the server had."""
        for _, inward in self._ways:
            inward.take(line)

    def cut(self) -> None:
        """Close all connections on both sides; what was held back is lost."""
        self._patterns = {}
        for outward, inward in self._ways:
            outward.close()
            inward.close()
        self._ways.clear()

    def hang_up(self) -> None:
        """Close the connections to the worker; the server still has those to it, and waits."""
        self._patterns = {}
        for _, inward in self._ways:
            inward.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            writer.close()  # as if nobody listened
            return
        outward = _Way(self, True, server_writer)
        inward = _Way(self, False, writer)
        self._ways.append((outward, inward))
        self._pump(reader, outward)
        self._pump(server_reader, inward)

    def _pump(self, reader: asyncio.StreamReader, way: _Way) -> None:
        async def pump() -> None:
            try:
                while data := await reader.read(CHUNK):
                    way.take(data)
            except OSError:
                pass  # cut on the other side
            finally:
                if not way.holds:
                    way.close()

        task = asyncio.get_running_loop().create_task(pump())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def proxy_before(port: int) -> AsyncIterator[Proxy]:
    """A proxy before a server on this machine."""
    proxy = Proxy(port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
