"""The folder with the key rings, watched: a worker goes on with the new keys once a file changes.

Keys that are taken out of a ring stop working; those that were rotated out stay in it, and what
they signed lives until it expires.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from service.auth.issuer import SigningKeys
from service.storage.sealing import DataKeys

log = structlog.get_logger()

DATA = "data.json"
SIGNING = "signing.json"

_INTERVAL = 1.0

Stamp = tuple[int, int, int]


class KeyFolder:
    """Reads the two rings, and hands on those whose file has changed."""

    def __init__(self, folder: Path) -> None:
        """Raises: OSError; ValueError, saying which file is wrong."""
        self._paths = {name: folder / name for name in (DATA, SIGNING)}
        self._stamps = {name: _stamp(path) for name, path in self._paths.items()}
        self.data = DataKeys.load(self._paths[DATA])
        self.signing = SigningKeys.load(self._paths[SIGNING]) if self._stamps[SIGNING] else None

    async def watch(self, changed: Callable[["KeyFolder"], None]) -> None:
        """Look every second, for ever, and tell `changed`."""
        while True:
            await asyncio.sleep(_INTERVAL)
            if self.look():
                changed(self)

    def look(self) -> bool:
        """Read the rings whose files have changed; whether there were any.

        A file that cannot be read is tried again, and the ring stays as it was until then.
        """
        changed = [n for n, path in self._paths.items() if _stamp(path) != self._stamps[n]]
        try:
            for name in changed:
                stamp = _stamp(self._paths[name])
                if name == DATA:
                    self.data = DataKeys.load(self._paths[DATA])
                else:
                    self.signing = SigningKeys.load(self._paths[SIGNING]) if stamp else None
                self._stamps[name] = stamp
        except (OSError, ValueError) as error:
            log.error("key_ring_unreadable", error=type(error).__name__, files=changed)
            return False
        if changed:
            log.info("key_rings_read", files=changed)
        return bool(changed)


def _stamp(path: Path) -> Stamp | None:
    """What tells one file from the next that has its name, or None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
