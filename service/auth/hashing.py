"""Hashes of what people choose or hand on: argon2id (RFC 9106), in threads of its own.

One hash takes tens of milliseconds of a core and 19 MiB, by intent. So there are few threads, they
stand back behind the loop where the system lets them, and what would wait too long is refused.
"""

import asyncio
import base64
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from service.problems import Overloaded

T = TypeVar("T")

# The least that OWASP's Password Storage Cheat Sheet names for argon2id.
_MEMORY_KIB = 19_456
_PASSES = 2
_LANES = 1
_SALT_BYTES = 16
_HASH_BYTES = 32

_MOST_WAITING = 24
"""Hashes that may wait for a thread: what is behind them would meet the time limit of a request."""

_MOST_THREADS = 4
_NICENESS = 10


class Hashing:
    """Hashes and compares, never in the loop's own thread."""

    def __init__(self, threads: int | None = None) -> None:
        """`threads` is half of the machine's cores, and from one to four, unless it is given."""
        self._threads = threads or min(_MOST_THREADS, max(1, (os.cpu_count() or 1) // 2))
        self._pool = ThreadPoolExecutor(self._threads, "hashing", initializer=_stand_back)
        self._hasher = PasswordHasher(
            time_cost=_PASSES,
            memory_cost=_MEMORY_KIB,
            parallelism=_LANES,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
        )
        self._under_way = 0

    async def hash(self, secret: str) -> str:
        """The hash of a secret, with its salt and parameters in it.

        Raises: Overloaded.
        """
        return await self._run(lambda: self._hasher.hash(secret))

    async def matches(self, secret: str, hashed: str | None) -> bool:
        """Whether the secret is the one that was hashed.

        Where there is no hash, the answer is no and takes as long.
        Raises: Overloaded.
        """

        def verify() -> bool:
            try:
                self._hasher.verify(hashed or _NOBODYS, secret)
            except VerificationError:
                return False
            return hashed is not None

        return await self._run(verify)

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._threads + _MOST_WAITING:
            raise Overloaded
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._under_way -= 1


def _b64(length: int) -> str:
    return base64.b64encode(bytes(length)).decode().rstrip("=")


_NOBODYS = (
    f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}${_b64(_SALT_BYTES)}${_b64(_HASH_BYTES)}"
)
"""A hash that no secret is known to have, to be compared with where there is none."""


def _stand_back() -> None:
    """Let the loop's thread go first. On Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
