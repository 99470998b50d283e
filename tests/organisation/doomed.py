"""Workers that die in the middle of making a personal entity, by a signal that nobody can catch.

For each moment that it reads, this process forks a worker that dies there, says `ready` when that
takes requests, and `dead` when it is gone. A fork spares each of them the time to load Python.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from service.app import Worker
from service.bus.relay import Relay
from service.settings import read_settings
from service.storage.together import Transaction

BETWEEN, UNCOMMITTED, UNTOLD = "between", "uncommitted", "untold"
MOMENTS = (BETWEEN, UNCOMMITTED, UNTOLD)
"""After the first document, before the commit, before the first event is published."""


def die(*_: Any, **__: Any) -> None:
    """End this process as a crash would."""
    os.kill(os.getpid(), signal.SIGKILL)


def doom(moment: str) -> None:
    """Make this process die at the moment."""
    if moment == UNTOLD:
        Relay.submit = die  # type: ignore[method-assign]  # it is what this process is for
        return
    insert: Callable[..., Any] = Transaction.insert
    inserts = 0

    async def insert_and_die(*arguments: Any) -> None:
        nonlocal inserts
        await insert(*arguments)
        inserts += 1
        if inserts == (1 if moment == BETWEEN else 2):
            die()

    Transaction.insert = insert_and_die  # type: ignore[method-assign,assignment]  # as above


async def serve(parent: int) -> None:
    """Serve until the end, or until the test is gone."""
    await Worker(read_settings()).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while os.getppid() == parent:  # noqa: ASYNC110  # that it is gone is no event
        await asyncio.sleep(0.1)


def main() -> None:
    """Fork a worker for each line."""
    parent = os.getpid()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            doom(line.strip())
            asyncio.run(serve(parent))
            os._exit(1)
        os.waitpid(child, 0)
        sys.stdout.write("dead\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
