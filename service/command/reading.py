"""Reads ahead in a thread, so that a slow file or pipe holds up nothing else."""

import asyncio
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import BinaryIO, Generic, TypeVar

from service.command.failure import Failure

T = TypeVar("T")

_AT_ONCE = 200


def standard_input() -> BinaryIO:
    """What is piped into the command.

    Raises: Failure, if there is nothing to read from.
    """
    if sys.stdin is None:
        raise Failure("Standard input is closed.")
    return sys.stdin.buffer


class ReadAhead(Generic[T]):
    """The items of an iterable, for any number of tasks, each item for one of them.

    A batch is read when the one before is used up. The threads are daemons: one that waits for a
    pipe does not keep the program from ending.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self._batch: deque[T] = deque()
        self._ended = False
        self._filling = asyncio.Lock()

    def __aiter__(self) -> "ReadAhead[T]":
        return self

    async def __anext__(self) -> T:
        while not self._batch:
            async with self._filling:
                if self._batch:
                    continue
                if self._ended:
                    raise StopAsyncIteration
                read = await _in_a_thread(self._items)
                self._ended = not read
                self._batch.extend(read)
        return self._batch.popleft()


async def _in_a_thread(items: Iterator[T]) -> list[T]:
    """The next items.

    Raises: Failure, if they cannot be read.
    """
    loop = asyncio.get_running_loop()
    batch: asyncio.Future[list[T]] = loop.create_future()

    def read() -> None:
        read_now = _read(items)
        with suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(settle, read_now)

    def settle(read_now: list[T] | Exception) -> None:
        if batch.cancelled():
            return
        if isinstance(read_now, Exception):
            batch.set_exception(read_now)
        else:
            batch.set_result(read_now)

    threading.Thread(target=read, daemon=True).start()
    return await batch


def _read(items: Iterator[T]) -> list[T] | Exception:
    try:
        return list(islice(items, _AT_ONCE))
    except OSError as error:
        return Failure(f"The file cannot be read: {error.strerror}.")
    except Exception as error:  # noqa: BLE001  # it belongs to the one who waits
        return error
