"""Ids of aggregates: UUID version 7 (RFC 9562), whose order is that of creation."""

from datetime import datetime

from uuid_utils import uuid7


def new_id(now: datetime) -> str:
    """A new id, made at `now`.

    Lists are in the order of creation, then id; with the time in the id one index field is both.
    """
    return str(uuid7(nanoseconds=round(now.timestamp() * 1_000_000) * 1_000))
