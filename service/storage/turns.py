"""Turns: one at a time for each id, without a lock for each id that ever was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A lock for each id that somebody holds or waits for, and none for the others."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, id: str) -> AsyncIterator[None]:
        """Wait for the turn, in the order of asking, and keep it for the block."""
        lock, users = self._locks.get(id) or (asyncio.Lock(), 0)
        self._locks[id] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[id]
            if users > 1:
                self._locks[id] = (lock, users - 1)
            else:
                del self._locks[id]
