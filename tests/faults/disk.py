"""A small file system of its own for what a server keeps, which a test can fill to the last byte.

A tmpfs, because the server must meet the real thing: `write` fails with ENOSPC. nats-server then
turns its JetStream off until it is started again, which a limit in its configuration, or a limit
on the size of files (EFBIG), would not bring about. To mount one takes root, in a user namespace
at least: `make faults` makes one where it can.
"""

import errno
import subprocess
from io import FileIO
from pathlib import Path

MEBIBYTE = 2**20


class NoDisk(Exception):
    """No file system can be mounted here; the text says why."""


class Disk:
    """A tmpfs, mounted over a folder."""

    def __init__(self, folder: Path, mebibytes: int) -> None:
        """Raises: NoDisk."""
        self._folder = folder
        self._ballast = folder / "ballast"
        folder.mkdir(parents=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=700", "tmpfs", str(folder))

    def fill(self) -> None:
        """Leave no room for anything."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (MEBIBYTE, 4096, 1):
                _write_until_full(ballast, size)

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Take the file system away, also from under what still holds it."""
        _run("umount", "--lazy", str(self._folder))


def _write_until_full(file: FileIO, size: int) -> None:
    try:
        while True:
            file.write(bytes(size))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NoDisk(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise NoDisk(error.stderr.strip()) from error
