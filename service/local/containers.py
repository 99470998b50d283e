"""A server in a Docker container, with the arguments and the data folder of one outside."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM, Signals

from service.local.guard import guarded
from service.local.ports import LOOPBACK

ANSWER_DEADLINE = 20.0
STDERR = 2


class Unavailable(Exception):
    """A place has no server that would run here; the text says why, and the next may have one."""


@dataclass(frozen=True, slots=True)
class Container:
    """A server image, run by Docker's command line, whose process stands for the container's."""

    image: str
    docker: str
    origin: str
    # Every address of the container: Docker publishes the port on the loopback address only.
    address: str = "0.0.0.0"  # noqa: S104

    def command(self, arguments: Sequence[str], folder: Path, port: int) -> list[str]:
        # fmt: off
        options = [
            "--rm", "--name", _name(folder),
            "--user", f"{os.getuid()}:{os.getgid()}", "--volume", f"{folder}:{folder}",
            "--publish", f"{LOOPBACK}:{port}:{port}",
        ]
        # fmt: on
        # SIGTERM: Docker's command line hands that on to the container, and cannot SIGKILL.
        return guarded([self.docker, "run", *options, self.image, *arguments], SIGTERM)

    def clear(self, folder: Path) -> None:
        """Remove the container that a run which was killed may have left."""
        _run(self.docker, "rm", "--force", _name(folder))

    def signal(self, process: subprocess.Popen[bytes], number: Signals, folder: Path) -> None:
        if not _run(self.docker, "kill", "--signal", number.name, _name(folder)):
            process.send_signal(number)


def find_container(image: str) -> Container:
    """Find a Docker engine that has the image, or can get it."""
    docker = shutil.which("docker")
    if docker is None:
        raise Unavailable("Docker is not installed")
    if not _run(docker, "version", "--format", "{{.Server.Version}}"):
        raise Unavailable("no Docker engine answers")
    if not _run(docker, "image", "inspect", image) and not _pull(docker, image):
        raise Unavailable(f"Docker cannot get the image {image}")
    return Container(image, docker, origin=f"Docker image {image}")


def _name(folder: Path) -> str:
    """Name the container after its data, which only one server may use at a time."""
    return f"svc-user-{folder.name}-{hashlib.sha256(bytes(folder)).hexdigest()[:12]}"


def _run(docker: str, *arguments: str) -> bool:
    try:
        finished = subprocess.run(
            [docker, *arguments], capture_output=True, timeout=ANSWER_DEADLINE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return finished.returncode == 0


def _pull(docker: str, image: str) -> bool:
    # Without a deadline and in plain sight: it may take minutes, and says so itself.
    return subprocess.run([docker, "pull", image], stdout=STDERR, check=False).returncode == 0
