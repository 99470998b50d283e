"""The HTTP port: proper answers to whatever is sent, and whoever is slow hurts nobody else."""

import asyncio
from collections.abc import Iterator

import pytest

from service.monitor import http
from service.monitor.http import HttpPort, Page
from tests.eventually import eventually
from tests.monitor.web import LOOPBACK, get, send


def _fail(_accept: str) -> Page:
    raise LookupError("what ails it")


@pytest.fixture
def port() -> Iterator[int]:
    pages = {
        "/well": lambda accept: Page(200, accept.encode() or b"no accept"),
        "/large": lambda _: Page(200, b"x" * 30_000_000),
        "/broken": _fail,
    }
    opened = HttpPort(LOOPBACK, 0, pages)
    opened.open()
    yield opened.port
    opened.close()


async def test_a_page_is_shown(port: int) -> None:
    """To GET with its body, to HEAD without, whatever the query."""
    for path in ("/well", "/well?a=b"):
        reply = await get(port, path, Accept="text/plain")
        assert (reply.status, reply.body) == (200, b"text/plain")
        assert reply.headers["Content-Length"] == "10"
        assert reply.headers["Cache-Control"] == "no-store"
    head = await get(port, "/well", "HEAD")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, "9", b"")


@pytest.mark.parametrize("path", ["/", "/nothing", "/well/", "//well", "/%77ell", "/../well"])
async def test_other_paths_are_not_found(port: int, path: str) -> None:
    reply = await get(port, path)
    assert reply.status == 404
    assert b"/well" in reply.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "FROB"])
async def test_other_methods_are_not_allowed(port: int, method: str) -> None:
    reply = await get(port, "/well", method)
    assert reply.status == 405
    assert reply.headers["Allow"] == "GET, HEAD"


async def test_a_body_does_not_cost_the_sender_its_answer(port: int) -> None:
    """Nor is it taken for a further request."""
    body = b"GET /well HTTP/1.1\r\nHost: x\r\n\r\n" * 10_000
    head = b"POST /well HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    said = await send(port, head + body)
    assert said.startswith(b"HTTP/1.1 405 ")
    assert said.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500 + b"\r\n\r\n",
        b"GET /well\r\n\r\n",
        b"GET /well HTTP/1.1\r\n\r\n",
        b"GET /w\xc3\xa9ll HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /well HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /well HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
    ],
    ids=["TLS", "no version", "no host", "not ASCII", "length", "header"],
)
async def test_what_is_no_request_is_refused(port: int, data: bytes) -> None:
    assert (await send(port, data)).startswith(b"HTTP/1.1 400 ")


async def test_a_head_without_end_is_refused(port: int) -> None:
    """Long before it fills anything."""
    said = await send(port, b"GET /well HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 200_000)
    assert said.startswith(b"HTTP/1.1 431 ")


async def test_a_page_that_fails_is_one_answer(port: int) -> None:
    """And says nothing of what ails it."""
    reply = await get(port, "/broken")
    assert reply.status == 500
    assert b"ails" not in reply.body
    assert (await get(port, "/well")).status == 200


async def test_slow_clients_are_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly it writes or reads, a connection has a few seconds: here only one."""
    monkeypatch.setattr(http, "SECONDS", 1.0)
    reading = await asyncio.open_connection(LOOPBACK, port)
    reading[1].write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    writing = await asyncio.open_connection(LOOPBACK, port)

    async def trickles() -> bool:
        writing[1].write(b"G")
        # A reset is its end too, and no end of file.
        return writing[0].at_eof() or writing[0].exception() is not None

    try:
        await eventually(trickles, within=10)
        # What the port had sent is there; the rest never comes.
        assert len(await reading[0].read(-1)) < 30_000_000
    except ConnectionResetError:
        pass
    finally:
        for _, writer in (reading, writing):
            writer.transport.abort()


async def test_connections_that_say_nothing_are_in_nobodys_way(port: int) -> None:
    """The oldest goes for the newest, so a probe is answered at once all the same."""
    silent = [await asyncio.open_connection(LOOPBACK, port) for _ in range(200)]
    try:
        async with asyncio.timeout(3):
            for _ in range(10):
                assert (await get(port, "/well")).status == 200
        await eventually(lambda: sum(reader.at_eof() for reader, _ in silent) >= 130, within=3)
    finally:
        for _, writer in silent:
            writer.transport.abort()


async def test_it_closes(port: int) -> None:
    """A port that was closed can be had again."""
    opened = HttpPort(LOOPBACK, 0, {})
    opened.open()
    with pytest.raises(OSError, match="in use"):
        HttpPort(LOOPBACK, opened.port, {}).open()
    opened.close()
    again = HttpPort(LOOPBACK, opened.port, {})
    again.open()
    assert (await get(again.port, "/")).status == 404
    again.close()
