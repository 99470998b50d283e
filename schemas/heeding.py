"""Cancellations that would be lost while nats-py waits.

It waits by `asyncio.wait_for`, which up to Python 3.11 gives a result that comes in the same moment
as a cancellation, and forgets the cancellation. Who cancels a task that follows a stream would
then wait for its end in vain.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heeding() -> Iterator[None]:
    """Raise the cancellation that has come in the block, where a result or an error hides it.

    Raises: asyncio.CancelledError.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        yield
    except Exception as error:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError from error
        raise
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
