"""A personal entity and its user are made together or not at all, whatever dies in between."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Any
from uuid import uuid4

import orjson
import pytest

from service.local.guard import guarded
from tests.client import Partner, Reply, events_on, new_user
from tests.deployment import Deployment
from tests.organisation.company import new_person
from tests.organisation.doomed import BETWEEN, MOMENTS, UNCOMMITTED
from tests.servers import PrivateServers

KILLS = 100


class Doomed:
    """Workers on a NATS server of their own, one after another; each dies in its first request."""

    def __init__(self, process: Process, deployment: Deployment) -> None:
        self._process = process
        self._deployment = deployment

    async def killed_in(self, partner: Partner, body: Any, key: str, moment: str) -> None:
        """Let a worker die at this moment of the request."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{moment}\n".encode())
        await self._said("ready")
        headers = {"Authorization": f"Bearer {partner.all_rights}", "Idempotency-Key": key}
        subject = partner.subject("entity.create")
        # Without a reply subject: nobody will be there to answer.
        await self._deployment.nats.publish(subject, orjson.dumps(body), headers=headers)
        await self._said("dead")

    async def _said(self, word: str) -> None:
        assert self._process.stdout is not None
        while line := await asyncio.wait_for(self._process.stdout.readline(), 20):
            if line.strip() == word.encode():
                return
        pytest.fail(f"the process that forks workers has ended before it said {word}")


@asynccontextmanager
async def doomed_workers(deployment: Deployment, settings: dict[str, str]) -> AsyncIterator[Doomed]:
    """The process that forks them."""
    process = await asyncio.create_subprocess_exec(
        *guarded([sys.executable, "-m", "tests.organisation.doomed"], SIGKILL),
        env=os.environ | {f"SVC_USER_{name.upper()}": value for name, value in settings.items()},
        stdin=PIPE,
        stdout=PIPE,
    )
    yield Doomed(process, deployment)
    process.kill()
    await process.wait()


@pytest.fixture
async def ward(
    private_servers: PrivateServers, mongo_uri: str, database_name: str, tmp_path: Path
) -> AsyncIterator[tuple[Deployment, Doomed]]:
    """A deployment without workers, and workers for its database that are going to die."""
    nats, elsewhere = await private_servers.nats(), await private_servers.nats()
    deployment = Deployment(tmp_path, nats.url, mongo_uri, database_name)
    await deployment.start(0)
    # On another NATS server, so that only the doomed get what is meant for them.
    bus = Deployment(tmp_path, elsewhere.url, mongo_uri, database_name)
    bus.signing_keys = deployment.signing_keys
    settings = {
        "nats_url": elsewhere.url,
        "mongo_uri": mongo_uri,
        "mongo_database": database_name,
        "keys_dir": str(tmp_path),
        "log_level": "error",
    }
    (tmp_path / "signing.json").write_text(deployment.signing_keys.dump())
    await bus.start(0)
    async with doomed_workers(bus, settings) as doomed:
        yield deployment, doomed
    await bus.stop()
    await deployment.stop()


async def until_made(partner: Partner, title: str, body: Any, **headers: str) -> Reply:
    """Ask again for as long as the worker is held up."""
    while (reply := await partner.ask(title, body, **headers)).status == 503:
        pass
    return reply


async def test_a_hundred_workers_killed_leave_no_half(ward: tuple[Deployment, Doomed]) -> None:
    """Entities and users pair up; and once every request is repeated, there is one pair for each.

    With one event each, also for what was committed by a worker that never told.
    """
    deployment, doomed = ward
    partner = Partner(deployment)
    requests = {uuid4().hex: new_person() for _ in range(KILLS)}
    for number, (key, body) in enumerate(requests.items()):
        await doomed.killed_in(partner, body, key, MOMENTS[number % len(MOMENTS)])
    pairs = await _pairs(deployment)
    assert len(pairs) == KILLS // len(MOMENTS), "those killed after the commit, and no other"
    await deployment.add_worker(sweep_seconds=0.5, sweep_age_seconds=1)
    for key, body in requests.items():
        reply = await until_made(partner, "entity.create", body, idempotency_key=key)
        made = (reply.done["entityId"], reply.done["userId"])
        assert ("Idempotency-Replayed" in reply.headers) == (made in pairs)
    everything = await _pairs(deployment)
    assert len(everything) == KILLS
    for id in (id for pair in everything for id in pair):
        assert len(await partner.events(id, 1)) == 1
    assert len(await events_on(deployment, f"evt.*.{partner.name}.>")) == 2 * KILLS


@pytest.mark.parametrize("moment", [BETWEEN, UNCOMMITTED])
async def test_what_a_killed_worker_leaves_open_holds_nobody_up_for_three_seconds(
    ward: tuple[Deployment, Doomed], moment: str
) -> None:
    """Neither those who want the same e-mail and key, nor those who share a batch with them."""
    deployment, doomed = ward
    await deployment.add_worker()
    partner = Partner(deployment)
    entity, body, key = await partner.entity(), new_person(), uuid4().hex
    await doomed.killed_in(partner, body, key, moment)
    killed_at = asyncio.get_running_loop().time()
    replies = await asyncio.gather(
        until_made(partner, "user.create", new_user(entity, email=body["email"])),
        until_made(partner, "entity.create", new_person(), idempotency_key=key),
        *(until_made(partner, "user.create", new_user(entity)) for _ in range(20)),
        *(until_made(partner, "entity.create", new_person()) for _ in range(5)),
    )
    held = asyncio.get_running_loop().time() - killed_at
    assert {reply.status for reply in replies} == {200}
    assert held < 3.0


async def _pairs(deployment: Deployment) -> set[tuple[str, str]]:
    """The pairs there are, once it is seen that nothing is there by halves."""
    database = deployment.database
    entities = {
        (each["_id"], each["user_id"])
        async for each in database["entities"].find({"entity_type": "personal"})
    }
    users = {(each["entity_id"], each["_id"]) async for each in database["users"].find()}
    assert entities == users
    return entities
