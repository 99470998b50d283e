"""The intake: what it hands over of a stream of bytes, and how it gives up on one."""

import asyncio

import pytest
from nats.errors import ProtocolError

from service.bus.connection import Connection

Message = tuple[bytes, bytes, bytes, bytes]


async def handed_over(*reads: bytes) -> list[Message]:
    """The messages for subscription 7 in what was read."""
    connection, messages = Connection(), list[Message]()
    connection._receivers[7] = lambda *message: messages.append(message)
    async with asyncio.timeout(5):
        for each in reads:
            await connection._ps.parse(each)
    return messages


async def test_wherever_a_read_ends() -> None:
    """A message is handed over once, and whole, whether it came in one read or in many."""
    stream = b"MSG a.\xff 7 3\r\n\r\n.\r\nHMSG b 7 r.\xfe 2 4\r\nhhpp\r\nMSG c 7 0\r\n\r\n"
    expected = [
        (b"a.\xff", b"", b"", b"\r\n."),
        (b"b", b"r.\xfe", b"hh", b"pp"),
        (b"c", *[b""] * 3),
    ]
    assert await handed_over(stream) == expected
    assert await handed_over(*(stream[at : at + 1] for at in range(len(stream)))) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"MSG a 7 -11",
        b"MSG a 7 -1",
        b"HMSG a 7 -4 2",
        b"HMSG a 7 4 2",
        b"HMSG a 7 4",
        b"HMSG a 7",
        b"MSG a 7",
        b"MSG a x 1",
        b"MSG a 7 r s 1",
        b"MSG a 7 1e3",
        b"MSG a 7 " + b"9" * 5_000,
        b"MSG ",
    ],
)
async def test_a_line_that_is_none(line: bytes) -> None:
    """An opening line that makes no sense ends in what nats-py reconnects after, at once."""
    with pytest.raises(ProtocolError):
        await handed_over(line + b"\r\n" * 20)


async def test_a_line_without_an_end() -> None:
    """So does a line that does not end, long before memory does."""
    with pytest.raises(ProtocolError):
        await handed_over(*[b"x" * 65_536] * 64)
