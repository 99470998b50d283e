"""What was settled a moment ago, for documents that were read before that.

Such a document still has the events in its outbox, and the stream sequence of the one before them.
Published from it, they would be refused, and the stream and MongoDB asked for each aggregate.
"""

import time
from collections.abc import Collection
from dataclasses import replace

from service.bounded import Bounded
from service.storage.outbox import Pending

_MOST = 4_096
_LONGEST = 10.0
"""Seconds: longer than any request takes from reading a document to submitting its events."""

Key = tuple[str, str]
"""An aggregate: its collection, and its id."""
_Note = tuple[Collection[str], int, int, float]


class Settled:
    """Remembers the aggregates that were settled last."""

    def __init__(self) -> None:
        self._notes: Bounded[Key, _Note] = Bounded(_MOST)

    def note(self, key: Key, ids: Collection[str], passed: int, last_seq: int) -> None:
        """Remember that these events are out of the outbox.

        `passed` is the newest version that the stream was known to have, `last_seq` the sequence of
        the last event of the aggregate in it: that version's, unless it was purged since.
        """
        self._notes.pop(key, None)
        self._notes[key] = (ids, passed, last_seq, time.monotonic())

    def left(self, pending: Pending) -> Pending:
        """What is left of these events, and what it follows; the same where nothing is known.

        Nor is anything known of an event that the stream has, but that somebody else was to settle:
        whether it still waits, only its document can tell.
        """
        note = self._notes.get((pending.collection, pending.id))
        if note is None:
            return pending
        ids, passed, last_seq, at = note
        left = [entry for entry in pending.entries if entry["id"] not in ids]
        if len(left) == len(pending.entries) or (left and left[0]["version"] <= passed):
            return pending
        if time.monotonic() - at > _LONGEST:
            return pending
        return replace(pending, entries=left, after=last_seq)
