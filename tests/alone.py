"""Tests that measure time run alone, though two processes share the suite.

A test marked `alone` waits until the other processes' tests have ended, and they wait for it. The
gate is there for fairness: who waits at it is let in before those who come after.
"""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO


@asynccontextmanager
async def in_room(folder: Path, *, alone: bool) -> AsyncIterator[None]:
    """Be one of those in the room, or the only one, for the block; the processes share the folder.

    The locks are the files' own, so that a process that is killed holds nobody up.
    """
    with (folder / "gate").open("w") as gate, (folder / "room").open("w") as room:
        await _locked(gate, fcntl.LOCK_EX)
        await _locked(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield


async def _locked(file: IO[str], kind: int) -> None:
    """Lock the file while the loop goes on: a driver takes one that stands still for an outage."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        await asyncio.to_thread(fcntl.flock, file, kind)
