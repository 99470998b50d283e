"""Deep and wide JSON, and what is hardly any: refused by the right code, at little cost.

What is wrong with a single body is in tests/bus/test_malformed.py; here each shape goes to many
operations, and the time is taken that the worker spends on it.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson
import pytest

from service.app import OPERATIONS
from service.operation import Operation
from tests.bus.raw import RawClient, block
from tests.client import BY_TITLE, Partner, Reply
from tests.hostile.bodies import Path, dotted, lists_in, replaced, whole_body

LARGEST = 256 * 1024


def filling(unit: bytes, head: bytes = b"", tail: bytes = b"") -> bytes:
    """The unit, as often as the largest body has room for it."""
    return head + unit * ((LARGEST - len(head) - len(tail)) // len(unit)) + tail


WIDE = b'{"' + b'":0,"'.join(b"%05x" % n for n in range(26_000)) + b'":0}'
SAME_KEY = filling(b'"a":1,', b"{", b'"a":1}')
SHAPES: dict[str, tuple[bytes, set[tuple[int, str]]]] = {
    name: (body, {(400, code) for code in codes})
    for name, (body, codes) in {
        "100,000 lists": (b"[" * 100_000 + b"]" * 100_000, {"INVALID_JSON"}),
        "unended lists": (filling(b"["), {"INVALID_JSON"}),
        "unended objects": (filling(b'{"a":'), {"INVALID_JSON"}),
        "deep in a field": (filling(b"[", b'{"a":'), {"INVALID_JSON"}),
        "a comma for each byte": (filling(b",", b"[", b"]"), {"INVALID_JSON"}),
        "an unended string": (filling(b'\\"', b'{"a":"'), {"INVALID_JSON"}),
        "quotes": (filling(b'"'), {"INVALID_JSON"}),
        "line ends": (filling(b"\n", b"", b"x"), {"INVALID_JSON"}),
        "26,000 keys": (WIDE, {"UNKNOWN_FIELD", "REQUIRED"}),
        "one key again and again": (SAME_KEY, {"UNKNOWN_FIELD", "REQUIRED"}),
        "a long key": (filling(b"k", b'{"', b'":1}'), {"UNKNOWN_FIELD", "REQUIRED"}),
        "escapes": (filling(b"\\u0000", b'{"', b'":1}'), {"UNKNOWN_FIELD", "REQUIRED"}),
        "a wide list": (filling(b"0,", b'{"a":[', b"0]}"), {"UNKNOWN_FIELD", "REQUIRED"}),
        "a number of 10,000 digits": (b'{"a":' + b"1" * 10_000 + b"}", {"INVALID_JSON"}),
        "1e400": (b'{"a":1e400}', {"UNKNOWN_FIELD", "REQUIRED"}),
        "NaN": (b'{"a":NaN}', {"UNKNOWN_FIELD", "REQUIRED"}),
        "UTF-16": ("{}".encode("utf-16"), {"INVALID_JSON"}),
        "UTF-32": ("{}".encode("utf-32"), {"INVALID_JSON"}),
        "a byte order mark": (b"\xef\xbb\xbf{}", {"INVALID_JSON"}),
        "garbage behind it": (b'{} {"a":1}', {"INVALID_JSON"}),
        "a byte too much": (b"{" + b" " * (LARGEST - 1) + b"}", {"TOO_LARGE"}),
    }.items()
}
CPU_SECONDS = 0.2
"""Of processor time for one body of the largest size: several times what the dearest takes."""

pytestmark = pytest.mark.alone


@contextmanager
def processor_time() -> Iterator[Callable[[], float]]:
    """Seconds of processor time since the block began.

    Without what it costs the collector to look through all that the tests before have left: a
    worker, too, has it look at nothing that was there at its start.
    """
    gc.collect()
    gc.freeze()
    began = time.process_time()
    try:
        yield lambda: time.process_time() - began
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("name", SHAPES)
async def test_every_operation(raw: RawClient, partner: Partner, name: str) -> None:
    """Every operation refuses it as what it is, and is soon done with it; a large one, some."""
    body, refusals = SHAPES[name]
    asked = OPERATIONS if len(body) < 20_000 else OPERATIONS[::9]
    with processor_time() as taken:
        replies = [await sent(raw, partner, operation, body) for operation in asked]
    assert taken() / len(asked) < CPU_SECONDS
    for operation, reply in zip(asked, replies, strict=True):
        assert reply.refusal[:2] in refusals, operation.title
        assert len(reply.errors) <= 100


async def sent(raw: RawClient, partner: Partner, operation: Operation, body: bytes) -> Reply:
    """The answer to a caller who may ask."""
    use = min(operation.callers)
    token = partner.token(subject="018f0000-0000-7000-8000-000000000000", use=use)
    lines = block(b"token: " + token.encode(), b"Idempotency-Key: 1")
    return await raw.request(operation, partner.name.encode(), body, lines)


LISTS = [
    (operation, path)
    for operation in OPERATIONS
    for path in lists_in(whole_body(operation))
    if path[-1] != "expand"
] + [(BY_TITLE["identity.get_consumer"], ("expand",))]


@pytest.mark.parametrize("item", [b"0", b"{}", b"null", b"[]"])
@pytest.mark.parametrize(
    ("operation", "path"), LISTS, ids=lambda each: getattr(each, "title", str(each))
)
async def test_lists_of_what_is_wrong(
    raw: RawClient, partner: Partner, operation: Operation, path: Path, item: bytes
) -> None:
    """A list with as much wrong in it as a body has room for costs no more than reading it."""
    body = orjson.dumps(replaced(whole_body(operation), path, ["here"]))
    head, tail = body.split(b'"here"')
    whole = filling(item + b",", head, item + tail)
    with processor_time() as taken:
        reply = await sent(raw, partner, operation, whole)
    assert taken() < CPU_SECONDS
    assert reply.status == 400
    assert any((where or "").startswith(dotted(path)) for _, where in reply.errors)


async def test_others_go_on(raw: RawClient, partner: Partner) -> None:
    """While many of the largest come, a small request of another partner has its answer soon."""
    other = Partner(partner.deployment)
    flood = [
        asyncio.ensure_future(sent(raw, partner, operation, body))
        for operation in OPERATIONS[:5]
        for body, _ in SHAPES.values()
    ]
    began = time.perf_counter()
    assert (await other.ask("user.list", {})).done
    assert time.perf_counter() - began < 5
    assert {reply.status for reply in await asyncio.gather(*flood)} <= {400, 503}


async def test_last_of_the_same_keys_holds(partner: Partner) -> None:
    """Of a key that is there twice the last value holds, the first is not even looked at."""
    user_id = await partner.user(email="twice@example.com")
    body = b'{"user_id":{"$gt":""},"user_id":"%b"}' % user_id.encode()
    assert (await partner.ask("user.get", body)).done["id"] == user_id
    turned = b'{"user_id":"%b","user_id":{"$gt":""}}' % user_id.encode()
    assert (await partner.ask("user.get", turned)).refusal == (400, "INVALID_FORMAT", "user_id")
