"""Tests that measure time run alone, though two processes share the suite.

A test marked `alone` waits until the other processes' tests have ended, and they wait for it. The
gate is there for fairness: who waits at it is let in before those who come after.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def in_room(folder: Path, *, alone: bool) -> Iterator[None]:
    """Be one of those in the room, or the only one, for the block; the processes share the folder.

    The locks are the files' own, so that a process that is killed holds nobody up.
    """
    with (folder / "gate").open("w") as gate, (folder / "room").open("w") as room:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield
