"""Requests out of choices: an operation, a partner, headers, a token, a body, each right or not."""

import base64
import json
import time
from dataclasses import dataclass
from typing import Any

import orjson

from service.app import OPERATIONS
from service.auth.issuer import SigningKeys
from service.auth.scopes import ALL_SCOPES
from service.catalogue.fields import example_of
from service.operation import Operation
from tests.bus.raw import block
from tests.fuzz.choices import Choices
from tests.hostile.bodies import Path, objects_in, replaced, strings_in, whole_body, with_key
from tests.hostile.world import World

MARK = "s3cr3t'm4rk"
"""Is in what a request says of people, and so must be in no line of the log.

No partner and no request id, which are there, can be like it.
"""

TEXTS = (
    *(MARK, f"{MARK}@example.com", f"{MARK}\r\n\x1b[31m", f"$$ROOT{MARK}", "", " ", "$", ".", "\0"),
    # Small, so that where they come back as a text nobody takes them for a time of the service.
    *("2020-02-30", "0000-00-00", "9999-12-31t23:59:59+14:00", "2020-01-01", "0001-01-01t00:00Z"),
    *("ZAF", "ZA", "US", "passport", "NATIONAL", "555-44-1234", "12-3456789", "admin", "REJECTED"),
    *(
        "\u202e\u2066",
        "e\u0301" * 200,
        "\ufeff",
        "İı",
        "\uff21",
        "xn--a",
        "a@xn--a.com",
        "a@\uff41.com",
    ),
    *("https://[::1", "https://\u0661/", "javascript:1", "9" * 300, "x" * 257, "x" * 9000),
)
FRAGMENTS = (
    *(b"NaN", b"-Infinity", b"1e400", b"1" * 400, b"-0", b"1e-400", b"9223372036854775808"),
    *(b'"\\ud800"', b'"\\u0000"', b'"\xff"', b"[" * 999, b'{"a":1,"a":2}', b"tru", b"", b"//"),
    *(b"null", b"true", b"[]", b"{}", b"0", b"-1", b"0.5", b'{"$gt":""}', b'[{"$ne":null}]'),
)
HEADERS = (
    *(b"Idempotency-Key", b"If-Match", b"X-Request-Id", b"traceparent", b"tracestate"),
    *(b"Authorization", b"token", b"", b"\xff", b"X-Other"),
)
HEADER_VALUES = (
    *(b"1", b'"2"', b"key-1", b"\x1b[31m\x07", b"a\nb", b"\xff\xfe", b"9" * 30, MARK.encode()),
    *(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b"x" * 400, b"Bearer a.b.c"),
)
REPLIES = (b"evt.user.a.b.created", b"$SYS.x", b"svc.user.acme.get", b"\xff\xfe", b"")
"""Places that are not answered."""

CLAIMS = (
    *("iss", "aud", "sub", "exp", "iat", "nbf", "jti", "partner", "scope", "use", "domain", "sid"),
    "client_id",
)
CLAIM_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        2**70,
        1e300,
        -1e300,
        float("nan"),
        "",
        "user",
        "personal",
        [],
        {},
        ["svc-user"],
    ),
    *("\ud800", "a\nb", "read:user", "018f0000-0000-7000-8000-000000000000", [[]], "*"),
)
TOKEN_HEADERS: tuple[dict[str, Any], ...] = (
    *({}, {"alg": "none"}, {"alg": "HS256"}, {"alg": "ed25519-nkey"}, {"alg": None}),
    *({"kid": 1}, {"kid": "other"}, {"crit": ["exp"]}, {"b64": False}, {"jwk": {}}, {"typ": 1}),
)


@dataclass(frozen=True)
class Request:
    """A message as a NATS server would hand it over."""

    operation: Operation
    subject: bytes
    reply: bytes
    headers: bytes
    body: bytes

    def frame(self, sid: int) -> bytes:
        """The message in the protocol."""
        head, whole = len(self.headers), len(self.headers) + len(self.body)
        to = b" ".join(part for part in (self.subject, b"%d" % sid, self.reply) if part)
        if not self.headers:
            return b"MSG %b %d\r\n%b\r\n" % (to, whole, self.body)
        return b"HMSG %b %d %d\r\n%b%b\r\n" % (to, head, whole, self.headers, self.body)


@dataclass
class Maker:
    """Makes requests about a world."""

    world: World
    keys: SigningKeys

    def request(self, choices: Choices, inbox: bytes) -> Request:
        """The request that the choices come to; its answer goes to the inbox, or nowhere."""
        operation = OPERATIONS[choices.below(len(OPERATIONS))]
        subject = operation.subject.encode().replace(b"*", self._partner(choices))
        reply = inbox if choices.below(16) else choices.one_of((inbox, *REPLIES))
        headers = self._headers(choices)
        return Request(operation, subject, reply, headers, self._body(choices, operation))

    def _partner(self, choices: Choices) -> bytes:
        name = self.world.partner.name.encode()
        if choices.below(8) < 7:
            return name
        # What the server would not take for one token of a subject never reaches a worker.
        return choices.text().translate(None, b" \t\r\n.\x00") or name

    def _headers(self, choices: Choices) -> bytes:
        if choices.below(16) == 15:
            return choices.text()
        lines = [b"Authorization: Bearer " + self._token(choices)]
        for _ in range(choices.below(4)):
            value = choices.one_of((b"", *HEADER_VALUES)) or choices.text()
            lines.append(choices.one_of(HEADERS) + b": " + value)
        return block(*lines)

    def _token(self, choices: Choices) -> bytes:
        world, partner = self.world, self.world.partner
        match choices.below(8):
            case 5:
                return partner.user_token(world.user_id).encode()
            case 6:
                return (choices.one_of((world.company.token, world.member_token))).encode()
            case 7:
                return self._odd_token(choices)
        return partner.all_rights.encode()

    def _odd_token(self, choices: Choices) -> bytes:
        now = time.time()
        claims = {
            "iss": "svc-user",
            "aud": "svc-user",
            "sub": "fuzz",
            "iat": now,
            "exp": now + 60,
            "jti": "1",
            "partner": self.world.partner.name,
            "scope": " ".join(ALL_SCOPES),
            "use": "client",
        }
        for _ in range(choices.below(3)):
            claims[choices.one_of(CLAIMS)] = choices.one_of(CLAIM_VALUES)
        head = {"alg": "EdDSA", "typ": "JWT"} | choices.one_of(TOKEN_HEADERS)
        text = b".".join(_b64(json.dumps(part).encode()) for part in (head, claims))
        if choices.below(4) == 3:
            text = choices.text()
        return text + b"." + _b64(self.keys.keys[self.keys.current].sign(text))

    def _body(self, choices: Choices, operation: Operation) -> bytes:
        """A body for the operation, or what is none."""
        match choices.below(8):
            case 7:
                return choices.rest()
            case 0 | 1 | 2 | 3:
                body = example_of(operation.request.model_json_schema())
            case _:
                body = whole_body(operation)
        body = self._known(body)
        for _ in range(choices.below(5)):
            body = self._altered(choices, body)
        text = orjson.dumps(body)
        if choices.below(8) == 7:
            at = choices.below(256) % (len(text) + 1)
            return text[:at] + choices.text() + text[at + choices.below(4) :]
        return text

    def _known(self, body: Any) -> Any:
        """The body about things that there are, and with the mark in what is said of people."""
        for path in list(strings_in(body)):
            name, value = path[-1], _at(body, path)
            if name in self.world.ids:
                body = replaced(body, path, self.world.ids[str(name)])
            elif value.strip("x") == "":
                body = replaced(body, path, MARK.ljust(len(value), "x"))
            elif "@" in value:
                body = replaced(body, path, f"{MARK}.{time.monotonic_ns()}@example.com")
        return body

    def _altered(self, choices: Choices, body: Any) -> Any:
        strings, objects = list(strings_in(body)), list(objects_in(body))
        if choices.below(4) == 3:
            return with_key(body, choices.one_of(objects), self._text(choices), 1)
        if choices.below(4) == 3:
            return _without(body, choices.one_of(strings)) if strings else body
        path = choices.one_of(strings) if strings and choices.below(4) else choices.one_of(objects)
        return replaced(body, path, self._value(choices)) if path else body

    def _value(self, choices: Choices) -> Any:
        match choices.below(4):
            case 0:
                return orjson.Fragment(choices.one_of(FRAGMENTS))
            case 1:
                return self._text(choices)
            case 2:
                return choices.one_of(list(self.world.ids.values()))
        return choices.one_of(TEXTS)

    def _text(self, choices: Choices) -> str:
        return choices.text().decode("utf-8", "replace")


def _at(body: Any, path: Path) -> Any:
    for part in path:
        body = body[part]
    return body


def _without(body: Any, path: Path) -> Any:
    parent = _at(body, path[:-1])
    if isinstance(parent, dict):
        return replaced(body, path[:-1], {k: v for k, v in parent.items() if k != path[-1]})
    return replaced(body, path[:-1], [])


def _b64(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")
