"""Files that hold secrets: written for their owner alone."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from service.command.failure import Failure


def write_new(path: Path, text: str) -> bool:
    """Write the file for its owner alone; leave one that exists as it is.

    Raises: Failure, where something else is in its place; OSError.
    """
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if not path.is_file():
            raise Failure(f"{path} is no file, as it should be: clear the way.") from None
        return False
    with open(file, "w") as writing:
        writing.write(text)
    return True


def write_over(path: Path, text: str, mode: int = 0o600) -> None:
    """Put the file in the place of the one that is there, whole at every moment.

    Raises: Failure.
    """
    with replacing(path, mode) as file:
        file.write(text)


@contextmanager
def replacing(path: Path, mode: int = 0o600) -> Iterator[TextIO]:
    """A draft that takes the file's place when the block ends well, and is gone when it does not.

    Raises: Failure, before the block already if nothing can be written there.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8") as file:  # a device or a pipe has no other
                yield file
            return
        with _draft_of(path.resolve(), mode) as file:
            yield file
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror or error}.") from error


@contextmanager
def _draft_of(path: Path, mode: int) -> Iterator[TextIO]:
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    draft = Path(name)
    try:
        with open(number, "w", encoding="utf-8") as file:
            yield file
        draft.chmod(mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
