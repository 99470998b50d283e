"""The data folder of `svc-user dev`, and how other commands find the servers that run on it.

While it runs, `dev` keeps `dev.json` in the folder locked. So what is in that file is believed only
as long as somebody holds the lock: the kernel lets go of it however the process ends.
"""

import fcntl
import json
import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from service.command.failure import Failure
from service.settings import PREFIX, Settings, read_settings

DEFAULT_FOLDER = Path(".svc-user")
WHAT_A_WORKER_NEEDS = ("nats_url", "mongo_uri", "keys_dir")

_RECORD = "dev.json"
_KEYS = "keys"
_ATTEMPTS = 10
_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Running:
    """What a `svc-user dev` that runs tells other commands; each field is a setting."""

    nats_url: str
    mongo_uri: str
    mongo_database: str
    keys_dir: str


class Claim:
    """The data folder, as the one `svc-user dev` that runs on it holds it."""

    def __init__(self, record: int) -> None:
        self._record = record

    def tell(self, running: Running) -> None:
        """Let other commands know where the servers and the keys are."""
        os.pwrite(self._record, json.dumps(asdict(running), indent=2).encode(), 0)


@contextmanager
def claimed(folder: Path) -> Iterator[Claim]:
    """Hold the folder, which is made where it is missing, for as long as the block runs.

    Raises: Failure, if another `svc-user dev` holds it, or it cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        record = os.open(folder / _RECORD, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Failure(f"--data-dir {folder} cannot be used: {error}.") from error
    try:
        _lock(record, folder)
        os.truncate(record, 0)
        yield Claim(record)
    finally:
        os.close(record)


def keys_folder(folder: Path) -> Path:
    """Where the key rings are: as the settings say, else as a running `dev` does, else within."""
    given = read_settings().keys_dir
    if given is not None:
        return given
    with suppress(Failure):
        return Path(running_on(folder).keys_dir)
    return folder / _KEYS


def settings_on(folder: Path, *needed: str) -> Settings:
    """The settings of the environment; the needed that are not there, from a `dev` that runs.

    Raises: WrongSetting; Failure, if something is missing and none runs.
    """
    given = read_settings()
    missing = set(needed) - given.model_fields_set
    if not missing:
        return given
    keys = folder / _KEYS
    found: dict[str, Any] = {"keys_dir": keys} if keys.is_dir() else {}
    try:
        found |= asdict(running_on(folder))
    except Failure as failure:
        if missing - found.keys():
            variables = " and ".join(f"{PREFIX}{name.upper()}" for name in sorted(missing))
            raise Failure(f"{failure} Or set {variables}.") from None
    return read_settings(**{k: v for k, v in found.items() if k not in given.model_fields_set})


def option_for(folder: Path) -> str:
    """What leads a command to the folder, as a shell takes it."""
    return "" if folder == DEFAULT_FOLDER else f" --data-dir {shlex.quote(str(folder))}"


def running_on(folder: Path) -> Running:
    """What the `svc-user dev` that runs on the folder has told.

    Raises: Failure, saying what to do.
    """
    try:
        with (folder / _RECORD).open() as record:
            if not _is_held(record.fileno()):
                raise FileNotFoundError
            text = record.read()
            return Running(**json.loads(text))
    except OSError:
        raise Failure(
            f"No svc-user dev runs on {folder}: start it first, with "
            f"`svc-user dev{option_for(folder)}`."
        ) from None
    except (TypeError, ValueError):
        raise Failure(
            f"The svc-user dev on {folder} is not ready yet: wait for its line with `ready`."
        ) from None


def _lock(record: int, folder: Path) -> None:
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(record, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)  # a command that only looks lets go at once
        else:
            return
    raise Failure(
        f"Another svc-user dev runs on {folder}: use that one, or choose another --data-dir."
    )


def _is_held(record: int) -> bool:
    try:
        fcntl.flock(record, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
