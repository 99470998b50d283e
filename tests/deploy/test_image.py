"""The image: small, without what only builds; a worker in it needs no right and writes nothing."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import nats
import pytest

from service.local.ports import free_port
from tests.deploy.engine import PYTHON, WANTED, built_image, images, require_engine, run, works
from tests.eventually import eventually

pytestmark = WANTED

MOST_BYTES = 100_000_000
"""What svc-user may add to the image that it is built on."""


@pytest.fixture(scope="module")
def image() -> str:
    require_engine()
    return built_image()


def inspected(image: str) -> Any:
    return json.loads(run("docker", "image", "inspect", image))[0]


def test_it_is_small(image: str) -> None:
    """What is not needed to run has stayed behind in the first stage."""
    added = inspected(image)["Size"] - inspected(images()[PYTHON])["Size"]
    assert added < MOST_BYTES, f"{added:,} bytes"
    for module in ("pip", "setuptools", "pytest"):
        command = (f"import importlib.util as u, sys; sys.exit(u.find_spec('{module}') is None)",)
        python = ("--entrypoint", "/opt/svc-user/bin/python3", image, "-c", *command)
        assert not works("docker", "run", "--rm", *python), module
    assert not works("docker", "run", "--rm", "--entrypoint", "ls", image, "/src")


@pytest.fixture
async def worker(image: str, nats_url: str, mongo_uri: str) -> AsyncIterator[str]:
    """The id of a container with a worker that has no right and can write nowhere."""
    name = f"svc-user-{uuid4().hex[:12]}"
    bounds = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true")
    keys = ("--volume", f"{name}:/etc/svc-user/keys")
    settings = {
        "NATS_URL": nats_url,
        "MONGO_URI": mongo_uri,
        "MONGO_DATABASE": name,
        "HTTP_PORT": str(free_port()),
        "HTTP_HOST": "127.0.0.1",
    }
    env = [f"--env=SVC_USER_{key}={value}" for key, value in settings.items()]
    run("docker", "run", "--rm", *bounds, *keys, image, "keys", "init")
    run("docker", "run", "-d", "--name", name, "--network=host", *bounds, *keys, *env, image)
    yield name
    run("docker", "rm", "--force", "--volumes", name)
    run("docker", "volume", "rm", name)


async def test_a_worker_in_it(worker: str, nats_url: str) -> None:
    """It becomes healthy, is nobody, serves, cannot write, and ends in good order when told to."""

    async def healthy() -> bool:
        state = json.loads(run("docker", "inspect", "--format", "{{json .State}}", worker))
        assert state["Running"], run("docker", "logs", worker)
        return bool(state["Health"]["Status"] == "healthy")

    await eventually(healthy, within=60)
    assert run("docker", "exec", worker, "id", "-u").strip() == "10001"
    for place in ("/", "/tmp", "/etc/svc-user", "/opt/svc-user"):  # noqa: S108
        assert not works("docker", "exec", worker, "touch", f"{place}/file"), place

    partner = f"image-{uuid4().hex[:8]}"
    token = run("docker", "exec", worker, "svc-user", "token", "--partner", partner).strip()
    async with await nats.connect(nats_url) as client:
        headers = {"Authorization": f"Bearer {token}"}
        reply = await client.request(f"svc.user.{partner}.list", b"", headers=headers, timeout=5)
        assert json.loads(reply.data) == {"users": [], "next_cursor": None}

    run("docker", "stop", "--time", "30", worker)
    state = json.loads(run("docker", "inspect", "--format", "{{json .State}}", worker))
    assert state["ExitCode"] == 0
