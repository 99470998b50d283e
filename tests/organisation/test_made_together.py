"""A personal entity and its user are made together or not at all, whatever dies in between."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.client import Partner, Reply, events_on, new_user
from tests.deployment import Deployment
from tests.doomed import Doomed, doomed_ward
from tests.organisation.company import new_person
from tests.organisation.doomed import BETWEEN, MOMENTS, UNCOMMITTED
from tests.servers import PrivateServers

KILLS = 100 if "SVC_USER_FAULT_ROUNDS" in os.environ else 40
"""A hundred as `make faults` has it, fewer in the suite."""


@pytest.fixture
async def ward(
    private_servers: PrivateServers, mongo_uri: str, database_name: str, tmp_path: Path
) -> AsyncIterator[tuple[Deployment, Doomed]]:
    """A deployment without workers, and workers for its database that are going to die."""
    module = "tests.organisation.doomed"
    async with doomed_ward(
        module, private_servers, mongo_uri, database_name, tmp_path, apart=True
    ) as ward:
        yield ward


async def until_made(partner: Partner, title: str, body: Any, **headers: str) -> Reply:
    """Ask again for as long as the worker is held up."""
    while (reply := await partner.ask(title, body, **headers)).status == 503:
        pass
    return reply


async def test_workers_killed_leave_no_half(ward: tuple[Deployment, Doomed]) -> None:
    """Entities and users pair up; and once every request is repeated, there is one pair for each.

    With one event each, also for what was committed by a worker that never told.
    """
    deployment, doomed = ward
    partner = Partner(deployment)
    requests = {uuid4().hex: new_person() for _ in range(KILLS)}
    for number, (key, body) in enumerate(requests.items()):
        await doomed.killed_in(partner, "entity.create", body, key, MOMENTS[number % len(MOMENTS)])
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
    await doomed.killed_in(partner, "entity.create", body, key, moment)
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
