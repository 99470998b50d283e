"""The headers of a request: read from the block as it came, matched without regard to case."""

import re
from dataclasses import dataclass
from functools import lru_cache

from service.ids import random_id
from service.problems import InvalidHeader, Unauthenticated

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_VERSION = re.compile(r'"(\d{1,18})"|(\d{1,18})', re.ASCII)
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,36}", re.ASCII)
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}", re.ASCII)

_LONGEST_REMEMBERED = 4_096

_KNOWN = frozenset(
    {
        b"authorization",
        b"token",
        b"idempotency-key",
        b"if-match",
        b"x-request-id",
        b"traceparent",
        b"tracestate",
    }
)


@dataclass(slots=True)
class Headers:
    """The headers that mean something here, each as a list of the values it came with."""

    values: dict[bytes, list[bytes]]
    malformed: bool
    _token: str | None = None

    @classmethod
    def read(cls, block: bytes) -> "Headers":
        """Take a header block apart (ADR-4); never raises, `malformed` tells of a broken one.

        Remembered: a caller that asks often sends the same block, its token, each time.
        """
        return _remembered(block) if len(block) <= _LONGEST_REMEMBERED else cls._read(block)

    @classmethod
    def _read(cls, block: bytes) -> "Headers":
        values: dict[bytes, list[bytes]] = {}
        if not block:
            return cls(values, False)
        status, *lines = block.split(b"\r\n")
        for line in lines:
            name, _, value = line.partition(b":")
            name = name.strip().lower()
            if name in _KNOWN:
                values.setdefault(name, []).append(value.strip())
        return cls(values, status != b"NATS/1.0")

    def request_id(self) -> str:
        """`X-Request-Id`, or a new one where it is absent or malformed."""
        value = self._text(b"x-request-id")
        if value is not None and _REQUEST_ID.fullmatch(value):
            return value
        return random_id()

    def token(self) -> str:
        """The token, from `Authorization: Bearer` or from `token`.

        Raises: Unauthenticated, also when they differ.
        """
        if self._token is None:
            self._token = self._one_token()
        return self._token

    def _one_token(self) -> str:
        tokens = {value for value in self.values.get(b"token", ()) if value}
        for value in self.values.get(b"authorization", ()):
            scheme, _, credentials = value.partition(b" ")
            if scheme.lower() != b"bearer":
                raise Unauthenticated("Authorization must be of the form: Bearer <token>.")
            tokens.add(credentials.strip())
        if len(tokens) != 1:
            raise Unauthenticated
        try:
            return tokens.pop().decode("ascii")
        except UnicodeDecodeError:
            raise Unauthenticated from None

    def idempotency_key(self) -> str | None:
        """`Idempotency-Key`.

        Raises: InvalidHeader.
        """
        value = self._single(b"idempotency-key")
        if value is None:
            return None
        if not _KEY.fullmatch(value):
            raise InvalidHeader(
                "Idempotency-Key must be 1 to 255 visible ASCII characters.",
                path="Idempotency-Key",
            )
        return value

    def if_match(self) -> int | None:
        """The version that `If-Match` names, bare or quoted.

        Raises: InvalidHeader.
        """
        value = self._single(b"if-match")
        if value is None:
            return None
        found = _VERSION.fullmatch(value)
        if not found:
            raise InvalidHeader("If-Match must be a version, bare or quoted.", path="If-Match")
        return int(found[1] or found[2])

    def trace(self) -> dict[str, str]:
        """W3C trace context; a malformed one is left out, as the recommendation says."""
        parent = self._text(b"traceparent")
        if parent is None or not _TRACEPARENT.fullmatch(parent):
            return {}
        state = self._text(b"tracestate")
        if state is None or not _TRACESTATE.fullmatch(state):
            return {"traceparent": parent}
        return {"traceparent": parent, "tracestate": state}

    def _single(self, name: bytes) -> str | None:
        """The header's one value.

        Raises: InvalidHeader, when it is there with different values or is not text.
        """
        values = set(self.values.get(name, ()))
        if not values:
            return None
        text = self._text(name)
        if text is None:
            header = name.decode().title()
            raise InvalidHeader(f"{header} must be there once, as ASCII text.", path=header)
        return text

    def _text(self, name: bytes) -> str | None:
        if name not in self.values:
            return None
        values = set(self.values[name])
        if len(values) != 1:
            return None
        try:
            return values.pop().decode("ascii")
        except UnicodeDecodeError:
            return None


@lru_cache(maxsize=1_000)
def _remembered(block: bytes) -> Headers:
    return Headers._read(block)
