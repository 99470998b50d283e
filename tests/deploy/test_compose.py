"""compose.yaml, brought up with one command: it serves, and goes on when servers die."""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats
import pytest
from nats.aio.client import Client

from service.auth.nats_accounts import DOMAIN
from service.local.ports import free_port
from service.resources import STREAM
from tests.deploy.engine import WANTED, built_image, images, log, require_engine, run, works
from tests.deploy.manifests import COMPOSE, documents
from tests.eventually import eventually

pytestmark = WANTED

PROJECT = "svc-user-check"
NEEDED = {"SVC_USER_NATS_IMAGE", "SVC_USER_MONGO_IMAGE"}
ENTITY = {"entity_type": "business", "registration_number": "1", "trading_name": "Acme"}


@dataclass
class Stack:
    """All that the compose file describes, or as much of it as images can be had for."""

    program: tuple[str, ...]
    env: dict[str, str]
    services: list[str]
    folder: Path

    def compose(self, *arguments: str) -> str:
        return run(*self.program, "-p", PROJECT, "-f", str(COMPOSE), *arguments, env=self.env)

    async def connect(self, creds: str) -> tuple[Client, str]:
        """A connection with credentials out of the volume, and the JWT in them."""
        path = self.folder / creds.replace("/", "-")
        read = ("run", "--rm", "--no-deps", "-T", "--entrypoint", "cat", "accounts")
        path.write_text(self.compose(*read, f"/etc/svc-user/nats/{creds}"))
        url = f"nats://127.0.0.1:{self.env['SVC_USER_NATS_PORT']}"
        client = await nats.connect(url, user_credentials=str(path), max_reconnect_attempts=-1)
        return client, path.read_text().splitlines()[1]


@pytest.fixture(scope="module")
def program() -> tuple[str, ...]:
    """Docker's compose, in the form that is there."""
    for command in (("docker", "compose"), ("docker-compose",)):
        if works(*command, "version"):
            return command
    pytest.skip("there is no docker compose")


def test_it_is_valid(program: tuple[str, ...]) -> None:
    """Compose itself finds nothing wrong; no engine is needed for that."""
    run(*program, "-f", str(COMPOSE), "config", "--quiet")


@pytest.fixture(scope="module")
def stack(program: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole, up; and gone with its data afterwards."""
    require_engine()
    if missing := NEEDED - images().keys():
        pytest.skip(f"no images can be had for {' and '.join(sorted(missing))}")
    ports = {
        f"SVC_USER_{name}_PORT": str(free_port()) for name in ("NATS", "PROMETHEUS", "GRAFANA")
    }
    env = {**images(), **ports, "SVC_USER_IMAGE": built_image()}
    services = [
        name
        for name, service in documents(COMPOSE)[0]["services"].items()
        if service["image"].partition("{")[2].partition(":")[0] in env
    ]
    for name in sorted(documents(COMPOSE)[0]["services"].keys() - set(services)):
        log.info("%s is left out: its image cannot be had", name)
    stack = Stack(program, env, services, tmp_path_factory.mktemp("creds"))
    try:
        stack.compose("up", "--no-build", "--detach", "--wait", *services)
        yield stack
    except AssertionError:
        log.error("%s\n%s", stack.compose("ps", "--all"), stack.compose("logs", "worker"))
        raise
    finally:
        stack.compose("down", "--volumes", "--timeout", "5")


async def asked(client: Client, token: str, subject: str, body: Any, **headers: str) -> Any:
    sent = {"Authorization": f"Bearer {token}"} | headers
    reply = await client.request(subject, json.dumps(body).encode(), headers=sent, timeout=5)
    return json.loads(reply.data)


async def created(client: Client, token: str) -> str:
    """The id of a new entity, asked for with one key until it is there."""
    key = uuid4().hex

    async def once() -> str | None:
        try:
            reply = await asked(
                client, token, "svc.entity.acme.create", ENTITY, **{"Idempotency-Key": key}
            )
        except (nats.errors.Error, TimeoutError):
            return None
        id: str | None = reply.get("entityId")
        assert id or reply["status"] == 503, reply
        return id

    id = await eventually(once, within=60)
    assert id is not None
    return id


async def test_it_serves_and_goes_on(stack: Stack) -> None:
    """Two workers, a stream of three: requests are answered and told once while servers die."""
    service, _ = await stack.connect("service.creds")
    acme, token = await stack.connect("partners/acme.creds")
    workers = await service.subscribe(inbox := service.new_inbox())
    await service.publish("$SRV.PING.svc-user", reply=inbox)
    ids = {json.loads((await workers.next_msg(timeout=5)).data)["id"] for _ in range(2)}
    assert len(ids) == 2

    entities = [await created(acme, token)]
    info = await service.jetstream().stream_info(STREAM)
    assert info.config.num_replicas == 3
    assert info.cluster is not None
    assert len(info.cluster.replicas or []) == 2

    for victim in ("nats-2", "mongo-1", "nats-3"):
        stack.compose("kill", victim)
        entities += [await created(acme, token) for _ in range(5)]
        stack.compose("start", victim)

        async def whole() -> bool:
            found = await service.jetstream().stream_info(STREAM)
            replicas = (found.cluster and found.cluster.replicas) or []
            return len(replicas) == 2 and all(each.current for each in replicas)

        await eventually(lambda: quietly(whole()), within=60, what=f"{victim} is back")

    events = await acme.jetstream(domain=DOMAIN).pull_subscribe_bind("acme", STREAM)
    told: list[str] = []

    async def all_told() -> bool:
        try:
            for message in await events.fetch(100, timeout=1):
                told.append(message.subject.split(".")[3])
                await message.ack()
        except nats.errors.TimeoutError:
            pass
        return len(told) >= len(entities)

    await eventually(all_told, within=60)
    assert sorted(told) == sorted(entities)
    await acme.close()
    await service.close()


async def quietly(question: Any) -> Any:
    """The answer, or None while there is none."""
    try:
        return await question
    except (nats.errors.Error, TimeoutError):
        return None


async def test_a_partner_is_added_while_it_runs(stack: Stack) -> None:
    """As deploy/README.md says: one command, and a reload of the servers."""
    stack.compose(
        *("run", "--rm", "--no-deps", "-T", "accounts"),
        *("nats-config", "--nats-dir", "/etc/svc-user/nats", "--partner", "globex"),
    )
    stack.compose("kill", "--signal", "HUP", "nats-1", "nats-2", "nats-3")
    client, token = await eventually(
        lambda: quietly(stack.connect("partners/globex.creds")), within=10
    )
    assert await asked(client, token, "svc.user.globex.list", {}) == {
        "users": [],
        "next_cursor": None,
    }
    await client.close()


async def test_prometheus_sees_the_workers(stack: Stack) -> None:
    if "prometheus" not in stack.services:
        pytest.skip("no image of Prometheus can be had")
    url = f"http://127.0.0.1:{stack.env['SVC_USER_PROMETHEUS_PORT']}/api/v1/targets"

    def read() -> Any:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)

    async def both_up() -> bool:
        try:
            targets = (await asyncio.to_thread(read))["data"]["activeTargets"]
        except OSError:
            return False
        return [target["health"] for target in targets] == ["up", "up"]

    await eventually(both_up, within=60)


async def test_grafana_answers(stack: Stack) -> None:
    if "grafana" not in stack.services:
        pytest.skip("no image of Grafana can be had")
    url = f"http://127.0.0.1:{stack.env['SVC_USER_GRAFANA_PORT']}/api/search?type=dash-db"

    async def has_dashboards() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: ASYNC210
                return bool(json.load(answer))
        except OSError:
            return False

    await eventually(has_dashboards, within=60)
