"""Workers that die in the middle of making a personal entity."""

from collections.abc import Callable
from typing import Any

from service.bus.relay import Relay
from service.storage.together import Transaction
from tests.doomed import die, fork_workers

BETWEEN, UNCOMMITTED, UNTOLD = "between", "uncommitted", "untold"
MOMENTS = (BETWEEN, UNCOMMITTED, UNTOLD)
"""After the first document, before the commit, before the first event is published."""


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


if __name__ == "__main__":
    fork_workers(doom)
