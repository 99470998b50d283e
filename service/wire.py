"""JSON as it goes over the wire: UTC with `Z`, whole seconds."""

from typing import Any

import orjson

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_OMIT_MICROSECONDS
"""A time without a zone is one of those that storage gives as they are kept, which is in UTC."""


def to_json(value: Any) -> bytes:
    """Write a reply, an event or a refusal."""
    return orjson.dumps(value, option=_OPTIONS)
