"""What a worker remembers of documents, so that it need not read them again for each request."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from service.bounded import Bounded
from service.storage.mongo import Document

_MOST = 20_000

_RENEW_AFTER = 1.0
_OLDEST = 4.0
"""Seconds: what is told to every worker "within 5 seconds" is read at least this often."""

Read = Callable[[str], Awaitable[Document | None]]


class FixedMemory:
    """Documents of which only what never changes is read: once, then remembered."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: Bounded[str, Document] = Bounded(_MOST)

    async def get(self, id: str) -> Document | None:
        """The document, or None where there is none.

        Raises: Unavailable.
        """
        known = self._known.get(id)
        if known is None:
            known = await self._read(id)
            if known is not None:
                self._known[id] = known
        return known


class FreshMemory:
    """Documents as they were at most four seconds ago.

    One that is asked for all the time is renewed behind the requests, which then never wait for it.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: Bounded[str, tuple[float, Document | None]] = Bounded(_MOST)
        self._renewing: dict[str, asyncio.Task[Document | None]] = {}

    async def get(self, id: str) -> Document | None:
        """The document, or None where there was none.

        Raises: Unavailable.
        """
        read_at, document = self._known.get(id, (0.0, None))
        age = time.monotonic() - read_at
        if id not in self._known or age > _OLDEST:
            return await asyncio.shield(self._renewal(id))
        if age > _RENEW_AFTER:
            self._renewal(id)
        return document

    def forget(self, id: str) -> None:
        """Read the document anew when it is asked for again: this worker has changed it."""
        self._known.pop(id, None)
        self._renewing.pop(id, None)

    def _renewal(self, id: str) -> "asyncio.Task[Document | None]":
        task = self._renewing.get(id)
        if task is None:
            task = self._renewing[id] = asyncio.get_running_loop().create_task(self._renew(id))
            task.add_done_callback(_seen)
        return task

    async def _renew(self, id: str) -> Document | None:
        began = time.monotonic()
        me = asyncio.current_task()
        try:
            document = await self._read(id)
        finally:
            forgotten = self._renewing.get(id) is not me
            if not forgotten:
                del self._renewing[id]
        if not forgotten:
            self._known[id] = (began, document)
        return document


def _seen(task: "asyncio.Task[Document | None]") -> None:
    """Look at the error of a renewal that nobody waited for: the next request tries again."""
    if not task.cancelled():
        task.exception()
