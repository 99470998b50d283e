"""Malformed requests: each is answered with the right refusal, and none hurts the worker."""

import gzip
import os
from dataclasses import dataclass, field
from typing import Any

import orjson
import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.app import OPERATIONS
from tests.bus.raw import RawClient, block
from tests.client import BY_TITLE, Partner
from tests.deployment import Deployment

ID = b"018f0000-0000-7000-8000-000000000000"
UPDATE = b'{"user_id":"' + ID + b'",%b}'
NOTHING = b'{"user_id":"' + ID + b'"}'
ENTITY = b'{"entity_type":"business","registration_number":"1","trading_name":"Acme"}'
LARGEST = 256 * 1024

BROKEN = "INVALID_JSON"
FORMAT = "INVALID_FORMAT"
UNKNOWN = "UNKNOWN_FIELD"
HEADER = "INVALID_HEADER"
SUBJECT = "INVALID_SUBJECT"
TOKEN = "UNAUTHENTICATED"


@dataclass(frozen=True)
class Case:
    """A request, and what is wrong with it."""

    code: str
    path: str | None = None
    body: bytes = b"{}"
    title: str = "user.list"
    lines: tuple[bytes, ...] = ()
    status: int = 400
    token: bool = True
    partner: bytes | None = None
    block: bytes | None = field(default=None)


def bodies(code: str, path: str | None, *bodies: bytes, title: str = "user.update") -> list[Case]:
    return [Case(code, path, body, title) for body in bodies]


def headers(code: str, name: str | None, *values: bytes, title: str, body: bytes) -> list[Case]:
    key = (name or "").encode()
    return [Case(code, name, body, title, lines=(b"%b: %b" % (key, v),)) for v in values]


NOT_JSON = bodies(
    BROKEN,
    None,
    *(b"{", b"[", b"nul", b"{]", b"}", b"{]}", b'"', b"\x00", b"{}\x00", b"{}{}", b"{}x", b"\xff"),
    *(b"\xef\xbb\xbf{}", b"\xfe\xff\x00{\x00}", b"<user/>", b"user_id=1", b"{'user_id':1}"),
    *(NOTHING + behind for behind in (b" x", b"x", b"}", b",", b"{}", b"\n\n]", b'"')),
    *(b"{user_id:1}", b'{"user_id"}', b'{"\xff":1}', b'{"\\ud800":1}', b"[" * 100_000),
    *(gzip.compress(b"{}", mtime=0), b"// nothing\n{}", b"PING\r\n", b'{"user_id":"x",}'),
    *(b"null", b"true", b"0", b"-1.5e3", b'"{}"', b"[]", b"[{}]", b'["user_id"]', b"  \n "),
)
NOT_JSON_AT_FIELD = [
    Case(BROKEN, "title", UPDATE % (b'"title":' + value), "user.update")
    for value in (
        *(b'"\xff"', b'"\xc3"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf5\x80\x80\x80"'),
        *(b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\u0041"', b'"\\x41"', b'"\\u12"', b'"a\nb"'),
        *(b'"a\x00b"', b"01", b"+1", b".5", b"1.", b"0x10", b"1e", b"--1", b"tru", b"None", b""),
        *(
            b"undefined",
            b"[1,]",
            b'{"a":}',
            b'"' + b'\\"' * 120_000,
            b"[" * 50_000,
            b'{"a":' * 50_000,
            b"1" * 5_000,
        ),
    )
]
LIMITS_OF_NO_USE = [
    b'{"limit":%b}' % value for value in (b"NaN", b"Infinity", b"1.0", b"1e2", b"null", b'"5"')
]
LIMITS_TOO_FAR = [b'{"limit":%d}' % value for value in (2**63, -(2**64), 10**300)]
WRONG_TYPES = [
    *bodies(FORMAT, "user_id", *(b'{"user_id":%b}' % v for v in (b"1", b"null", b"[]", b"{}"))),
    *bodies(FORMAT, "user_id", *(b'{"user_id":%b}' % v for v in (b"true", b"1e400", b'""'))),
    *bodies(FORMAT, "user_id", b'{"user_id":"' + ID.replace(b"-", b"") + b'"}'),
    *bodies(FORMAT, "user_id", b'{"user_id":"urn:uuid:' + ID + b'"}'),
    *bodies(FORMAT, "user_id", b'{"user_id":"' + ID.replace(b"f", b"F") + b'"}'),
    *bodies(FORMAT, "user_id", b'{"user_id":"' + ID[:-1] + "\u0660".encode() + b'"}'),
    *bodies(FORMAT, "title", *(UPDATE % (b'"title":' + v) for v in (b"NaN", b"-Infinity"))),
    *bodies(FORMAT, "title", *(UPDATE % (b'"title":' + v) for v in (b"9" * 400, b"[[[]]]"))),
    *bodies(FORMAT, "limit", *LIMITS_OF_NO_USE, title="user.list"),
    *bodies("NOT_ALLOWED_VALUE", "limit", *LIMITS_TOO_FAR, title="user.list"),
    *bodies("REQUIRED", "user_id", b"", b"{}"),
    *bodies("REQUIRED", "email", b"", title="user.exists"),
    *bodies("TOO_LONG", "title", UPDATE % (b'"title":"' + b"x" * 200_000 + b'"')),
    *bodies(UNKNOWN, "__proto__", UPDATE % b'"__proto__":{}'),
    *bodies(UNKNOWN, "user_id\0", UPDATE % b'"user_id\\u0000":1'),
    *bodies(UNKNOWN, "$set", UPDATE % b'"$set":{"verified":true}'),
    *bodies(UNKNOWN, "x" * 64, UPDATE % (b'"' + b"x" * 9_000 + b'":1')),
    *bodies("TOO_LARGE", None, b" " * (LARGEST + 1), b"x" * 900_000),
]
NO_KEYS = (b"", b"a b", b"\xc3\xa9", b"x" * 256, b"a\tb", b"a\x7f")
NO_VERSIONS = (
    *(b"", b"*", b"x", b"-1", b"1.0", b'"1', b"'1'", b'W/"1"', b'""', b"1 2", b"1,2", b"0x1"),
    *(b"9" * 19, "\u0661".encode(), b"\xff"),
)
WRONG_HEADERS = [
    *headers(HEADER, "Idempotency-Key", *NO_KEYS, title="entity.create", body=ENTITY),
    *headers(HEADER, "If-Match", *NO_VERSIONS, title="user.update", body=NOTHING),
    Case(HEADER, "If-Match", NOTHING, "user.update", (b"If-Match: 1", b"if-match: 2")),
    Case(
        HEADER,
        "Idempotency-Key",
        ENTITY,
        "entity.create",
        (b"idempotency-key: a", b"Idempotency-Key: b"),
    ),
    *(
        Case(HEADER, block=b)
        for b in (
            b"N",
            b"NATS/1.1\r\n\r\n",
            b"NATS/1.0 \xff\xff\xff\r\n\r\n",
            b"NATS/1.0 503\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"\r\n\r\n",
            b"\x00" * 12,
            b"Authorization: Bearer x\r\n\r\n",
        )
    ),
]
WRONG_TOKENS = [
    Case(TOKEN, status=401, token=False, lines=lines)
    for lines in (
        (),
        (b"Authorization:",),
        (b"Authorization: Bearer",),
        (b"Authorization: Bearer x",),
        (b"Authorization: Basic eDp5",),
        (b"Authorization: Bearer a.b.c",),
        (b"Authorization: Bearer ..",),
        (b"Authorization: Bearer \xff\xfe",),
        (b"Authorization: Bearer e30.e30.e30",),
        (b"Authorization: Bearer " + b"x" * 20_000,),
        (b"token: x",),
        (b"token: \x00",),
        (b"token: bnVsbA.bnVsbA.bnVsbA",),
        (b"token: W10.W10.W10",),
        (b"token: " + b"." * 8_000,),
        (b"Authorization: Bearer a", b"Authorization: Bearer b"),
        (b"Authorization: Bearer a", b"token: b"),
        (b"tok\xc3\xa9n: x",),
        (b"Authorization",),
        (b": Bearer x",),
    )
] + [Case(TOKEN, status=401, block=b"NATS/1.0"), Case(TOKEN, status=401, block=b"NATS/1.0\r\n")]
WRONG_PARTNERS = [
    Case(SUBJECT, partner=partner)
    for partner in (
        *(b"*", b">", b"a*", b"a>b", b"\xff", "é".encode(), b"a\x0bb", b"\x0c", b"a\x00b", b"\x7f"),
        *(b"x" * 65, b"a:b", b"a/b", b"a$", b"%41", b"'", b'"', b"{}", b"a\xed\xa0\x80"),
    )
]
CASES = NOT_JSON + NOT_JSON_AT_FIELD + WRONG_TYPES + WRONG_HEADERS + WRONG_TOKENS + WRONG_PARTNERS


def test_the_table_is_long() -> None:
    """There are more than a hundred of them, no two alike."""
    assert len(set(CASES)) == len(CASES) > 100


@pytest.fixture(scope="module")
def asker(deployment: Deployment) -> Partner:
    """One partner for them all."""
    return Partner(deployment)


async def sent(raw: RawClient, asker: Partner, case: Case) -> Any:
    token = (b"Authorization: Bearer " + asker.all_rights.encode(),) if case.token else ()
    whole = block(*token, *case.lines) if case.block is None else case.block
    partner = case.partner or asker.name.encode()
    return await raw.request(BY_TITLE[case.title], partner, case.body, whole)


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
async def test_each_is_refused(raw: RawClient, asker: Partner, case: Case) -> None:
    """Status, code and path say what is wrong."""
    reply = await sent(raw, asker, case)
    assert reply.refusal == (case.status, case.code, case.path)
    assert raw.complaints == []


async def test_largest_body(raw: RawClient, asker: Partner) -> None:
    """A body of 256 KiB is read, one byte more is not."""
    body = NOTHING + b" " * (LARGEST - len(NOTHING))
    assert len(body) == LARGEST
    case = Case("USER_NOT_FOUND", "user_id", body, "user.update", status=404)
    assert (await sent(raw, asker, case)).refusal == (404, "USER_NOT_FOUND", "user_id")


async def test_a_thousand_errors(raw: RawClient, asker: Partner) -> None:
    """Of very many errors some are told, in a reply of a reasonable size."""
    body = orjson.dumps({f"field_{n}": n for n in range(12_000)})
    reply = await sent(raw, asker, Case(UNKNOWN, None, body))
    assert 10 < len(reply.errors) <= 100


async def test_memory_stays(raw: RawClient, asker: Partner, deployment: Deployment) -> None:
    """Thousands of malformed requests, large ones among them, leave nothing behind."""
    process = psutil.Process(os.getpid())
    large = [case for case in CASES if len(case.body) > 40_000]

    async def batch() -> int:
        for case in CASES + large * 40:
            await sent(raw, asker, case)
        return process.memory_info().rss

    weight = 40 * sum(len(case.body) for case in large)
    before = await batch()
    grown = await batch() - before
    assert grown < weight / 4, "less than a quarter of what was sent is still there"
    assert deployment.worker.server.in_flight == 0


FUZZ = settings(
    max_examples=200,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([ID.decode(), "a@example.com", "ZAF", "2020-01-01", "passport"]),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(), each, max_size=4),
    max_leaves=12,
)
OPERATION = st.sampled_from(OPERATIONS)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes]:
    """An operation, and JSON that has some of its fields in it."""
    operation = draw(OPERATION)
    names = st.sampled_from(sorted(operation.request.model_fields) or ["x"]) | st.text()
    body = draw(st.dictionaries(names, JSON, max_size=8))
    return operation.title, orjson.dumps(_finite(body))


def _finite(value: Any) -> Any:
    """The same in what JSON can say; numbers beyond it as text."""
    if isinstance(value, dict):
        return {_encodable(name): _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return orjson.Fragment(str(value))
    return _encodable(value) if isinstance(value, str) else value


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


class TestAnything:
    @FUZZ
    @given(operation=OPERATION, body=st.binary(max_size=400))
    async def test_bytes(self, raw: RawClient, asker: Partner, operation: Any, body: bytes) -> None:
        """Any bytes at all have an answer that the operation declares."""
        reply = await sent(raw, asker, Case("", body=body, title=operation.title))
        assert reply.status in {200, 400, 403}

    @FUZZ
    @given(request_=requests())
    async def test_json(self, raw: RawClient, asker: Partner, request_: tuple[str, bytes]) -> None:
        """So has any JSON, with the operation's own fields in it."""
        title, body = request_
        assert (await sent(raw, asker, Case("", body=body, title=title))).status < 500

    @FUZZ
    @given(
        operation=OPERATION,
        head=st.binary(min_size=1, max_size=400)
        | st.lists(st.binary(max_size=30)).map(lambda lines: block(*lines)),
    )
    async def test_headers(
        self, raw: RawClient, asker: Partner, operation: Any, head: bytes
    ) -> None:
        """So has any header block."""
        reply = await sent(raw, asker, Case("", title=operation.title, block=head))
        assert reply.status in {400, 401} or operation.scope == "public"

    @FUZZ
    @given(
        lines=st.lists(
            st.tuples(
                st.sampled_from([b"Idempotency-Key", b"If-Match", b"X-Request-Id", b"traceparent"]),
                st.binary(max_size=40).filter(lambda value: b"\r\n" not in value),
            )
        )
    )
    async def test_header_values(
        self, raw: RawClient, asker: Partner, lines: list[tuple[bytes, bytes]]
    ) -> None:
        """So have any values of the headers that mean something."""
        pairs = tuple(b"%b: %b" % line for line in lines)
        for title, body in (("entity.create", ENTITY), ("user.update", NOTHING)):
            reply = await sent(raw, asker, Case("", body=body, title=title, lines=pairs))
            assert reply.status in {200, 400, 404, 409}
