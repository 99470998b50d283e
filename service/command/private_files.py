"""Files that hold secrets: written for their owner alone."""

import os
from pathlib import Path

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
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        write_new(new, text)
        new.chmod(mode)
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise Failure(f"{path} cannot be written: {error}.") from error
