"""The types that every domain's requests and replies are made of."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import pycountry
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

CANONICAL_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
# Spelled out rather than left to the parsers, which also take week dates and Unix time.
_DATE_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})?)?", re.ASCII
)
_COUNTRIES_3 = frozenset(country.alpha_3 for country in pycountry.countries)
_COUNTRIES_2 = frozenset(country.alpha_2 for country in pycountry.countries)


class Request(BaseModel):
    """What a caller sends: one JSON object, nothing converted, nothing unknown."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        allow_inf_nan=False,
        # A refusal must be able to say what was wrong without repeating what was sent.
        hide_input_in_errors=True,
    )


class Empty(Request):
    """A request that asks for nothing in particular: `{}` or an empty body."""


class PageRequest(Request):
    """The part of a list request that says which page."""

    limit: int = Field(default=100, ge=1, le=500, description="Records in the page at most.")
    cursor: str | None = Field(
        default=None,
        max_length=512,
        description="`next_cursor` of the page before; left out for the first.",
    )


def left_out() -> Any:
    """The default of a field that may be left out but not sent as null."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


def _date_time(value: Any) -> datetime:
    moment = _instant(value)
    return moment.replace(microsecond=0) if moment.microsecond else moment


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        value = value.isoformat()  # from a caller in Python: JSON has no such thing
    text = value.strip() if isinstance(value, str) else ""
    if not _DATE_TIME.fullmatch(text):
        raise PydanticCustomError("date_time", "neither YYYY-MM-DD nor an RFC 3339 date-time")
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("date_time", "no such date or time") from None


def _country(known: frozenset[str], kind: str) -> AfterValidator:
    def exists(value: str) -> str:
        if value not in known:
            raise PydanticCustomError(
                "not_allowed", "not an ISO 3166-1 {kind} code", {"kind": kind}
            )
        return value

    return AfterValidator(exists)


Uuid = Annotated[
    str,
    StringConstraints(pattern=CANONICAL_UUID),
    WithJsonSchema({"type": "string", "format": "uuid", "pattern": CANONICAL_UUID}),
]
"""A UUID in canonical form (RFC 9562, section 4): lower case, with its hyphens."""

_DATE_TIME_SCHEMA = WithJsonSchema(
    {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}
)

Moment = Annotated[datetime, BeforeValidator(_date_time), _DATE_TIME_SCHEMA]
"""A date or an RFC 3339 date-time; without an offset it is UTC. Becomes UTC, in whole seconds."""

Instant = Annotated[datetime, BeforeValidator(_instant), _DATE_TIME_SCHEMA]
"""As `Moment`, but with the fractions of a second that were sent: to compare by, not to keep."""

T = TypeVar("T")

Several = Annotated[tuple[T, ...], FailFast()]
"""Any number of things, looked at up to the first that is wrong.

Else one body could have the worker write down a hundred thousand errors, at 3 µs each.
"""

Text = Annotated[str, StringConstraints(min_length=2, max_length=256)]
"""A string as seed 002 asks for it: at least two characters once stripped."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""A string that only has to be there."""

Country3 = Annotated[
    str,
    _country(_COUNTRIES_3, "alpha-3"),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"}),
]
Country2 = Annotated[
    str,
    _country(_COUNTRIES_2, "alpha-2"),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"}),
]


class Page(TypedDict):
    """What every list reply has besides its records."""

    next_cursor: str | None
