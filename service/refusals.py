"""What was wrong with a body: pydantic's findings, in the contract's codes."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from schemas.problem import FieldError
from service.problems import InvalidRequest

_CODES: Mapping[str, str] = {
    "json_invalid": "INVALID_JSON",
    "missing": "REQUIRED",
    "extra_forbidden": "UNKNOWN_FIELD",
    "string_too_short": "TOO_SHORT",
    "too_short": "TOO_SHORT",
    "string_too_long": "TOO_LONG",
    "too_long": "TOO_LONG",
    "literal_error": "NOT_ALLOWED_VALUE",
    "enum": "NOT_ALLOWED_VALUE",
    "not_allowed": "NOT_ALLOWED_VALUE",
    "less_than_equal": "NOT_ALLOWED_VALUE",
    "greater_than_equal": "NOT_ALLOWED_VALUE",
}
FIELD_CODES = sorted({*_CODES.values(), "INVALID_FORMAT"})
"""Every code that an error of a field can have."""

_MOST = 100
"""Errors told of at most: a body of thousands of unknown fields is not worth a list of them."""

# A string that never ends is a token too: to look for its end from each quote in it takes for ever.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|[{}\[\]:,]', re.DOTALL)
_POSITION = re.compile(r"line (\d+) column (\d+)$")


def invalid_request(error: ValidationError, body: bytes) -> InvalidRequest:
    """The refusal for a body that did not validate."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return InvalidRequest([_field_error(each, body) for each in found[:_MOST]])


@contextmanager
def refused_as_invalid() -> Iterator[None]:
    """Turn a schema's own rule, checked by a handler, into the refusal of a request.

    Raises: InvalidRequest.
    """
    try:
        yield
    except ValidationError as error:
        raise invalid_request(error, b"") from None


def _field_error(found: Any, body: bytes) -> FieldError:
    message, path = found["msg"], _path(found["loc"])
    code = _CODES.get(found["type"], "INVALID_FORMAT")
    if found["type"] == "model_type" and path is None:
        code = "INVALID_JSON"  # JSON, but not the one object that a body is
    elif found["type"] == "json_invalid":
        # Only what is wrong, never the text around it.
        message = message.partition(" at line")[0]
        path = _field_at(body, found["msg"])
    return FieldError(code=code, message=message, path=path, arguments=[])


def _path(location: tuple[int | str, ...]) -> str | None:
    """The dotted path; a name that the caller made up is told in its first 64 characters."""
    return ".".join(str(part)[:64] for part in location) or None


def _field_at(body: bytes, message: str) -> str | None:
    """The field of the outermost object in which the JSON breaks off being JSON."""
    position = _POSITION.search(message)
    if position is None:
        return None
    line, column = int(position[1]), int(position[2])
    lines = body.split(b"\n")
    end = sum(len(each) + 1 for each in lines[: line - 1]) + column
    depth, last, field = 0, b"", None
    for match in _TOKEN.finditer(body[:end]):
        token = match[0]
        if token in b"{[":
            depth += 1
        elif token in b"}]":
            depth -= 1
            if depth == 0 and match.end() < end:
                return None  # it breaks off behind the object
        elif token == b":" and depth == 1 and last.startswith(b'"'):
            field = last[1:-1]
        elif token == b"," and depth == 1:
            field = None
        last = token
    return field.decode("utf-8", "replace")[:64] if field is not None else None
