"""JSON as it goes over the wire: UTC with `Z`, whole seconds."""

from typing import Any

import orjson

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


def to_json(value: Any) -> bytes:
    """Write a reply, an event or a refusal."""
    return orjson.dumps(value, option=_OPTIONS)
