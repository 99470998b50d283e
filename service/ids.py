"""Ids (RFC 9562): version 7 for aggregates, in the order of creation; version 4 for the rest.

Made by a generator that makes no system call. A call lets go of the interpreter's lock, and with
the threads of a driver beside it, a worker then waits for a turn at each id.
"""

from datetime import datetime

from uuid_utils import uuid4, uuid7


def new_id(now: datetime) -> str:
    """A new id, made at `now`.

    Lists are in the order of creation, then id; with the time in the id one index field is both.
    """
    return str(uuid7(nanoseconds=round(now.timestamp() * 1_000_000) * 1_000))


def random_id() -> str:
    """An id that tells nothing: for events and requests."""
    return str(uuid4())
