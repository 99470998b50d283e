"""Whenever a worker dies in an erasure, another one's sweep brings it to its end."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.client import Partner, events_on
from tests.deployment import Deployment
from tests.doomed import Doomed, doomed_ward
from tests.eventually import eventually
from tests.privacy import people
from tests.privacy.doomed import MOMENTS
from tests.privacy.people import Somebody
from tests.privacy.traces import erase, in_database, in_stream
from tests.servers import PrivateServers


@pytest.fixture
async def ward(
    private_servers: PrivateServers, mongo_uri: str, database_name: str, tmp_path: Path
) -> AsyncIterator[tuple[Deployment, Doomed]]:
    """A deployment without workers, and workers for it that are going to die."""
    module = "tests.privacy.doomed"
    async with doomed_ward(
        module, private_servers, mongo_uri, database_name, tmp_path, apart=False
    ) as ward:
        yield ward


async def test_killed_at_each_step(ward: tuple[Deployment, Doomed]) -> None:
    """A user or a household for each moment: all of them are forgotten, and told of once.

    With SVC_USER_FAULT_ROUNDS, as `make faults` sets it, both for each.

    A worker that dies before the commit has erased nobody: the request is repeated.
    """
    deployment, doomed = ward
    partner = Partner(deployment)
    first = await deployment.add_worker()
    victims: dict[str, list[list[Somebody]]] = {}
    for number, moment in enumerate(MOMENTS):
        both = [[await people.busy_user(partner)], await people.household(partner)]
        whole = "SVC_USER_FAULT_ROUNDS" in os.environ or moment == "before the household"
        victims[moment] = both if whole else [both[number % 2]]
    keys = {each[0].id: uuid4().hex for both in victims.values() for each in both}
    await deployment.stop_worker(first)
    for moment, both in victims.items():
        for gone in both:
            body = {"person_id": gone[0].id, "reason": "asked for"}
            await doomed.killed_in(partner, "privacy.erase", body, keys[gone[0].id], moment)
    values = [v for both in victims.values() for each in both for who in each for v in who.values]
    assert await in_database(deployment, values), "none of them left anything to do"

    await deployment.add_worker(sweep_seconds=0.2, sweep_age_seconds=0.3)
    for id, key in keys.items():
        reply = await erase(partner, id, key=key)
        assert reply.done["person_id"] == id

    async def nothing_left() -> bool:
        return not await in_database(deployment, values) and not await in_stream(deployment, values)

    await eventually(nothing_left, within=20)
    for both in victims.values():
        for somebody in (who for each in both for who in each):
            [event] = await events_on(deployment, f"evt.*.{partner.name}.{somebody.id}.>")
            assert event["type"] in {"user.erased", "identity.erased"}
    waiting = deployment.database["erasures"].count_documents({"looks": 0})
    assert await waiting == 0


async def test_without_nats_the_rest_is_done_later(
    private_servers: PrivateServers, mongo_uri: str, tmp_path: Path
) -> None:
    """An event that waits for the stream is published first, and then goes with the others."""
    nats = await private_servers.nats()
    deployment = Deployment(tmp_path, nats.url, mongo_uri, f"test_{uuid4().hex}")
    await deployment.start(1, sweep_seconds=0.2, sweep_age_seconds=0.3)
    partner = Partner(deployment)
    somebody = await people.busy_user(partner)
    jetstream = deployment.nats.jetstream()
    config = (await jetstream.stream_info("SVC_USER_EVENTS")).config
    await jetstream.update_stream(config.evolve(max_msg_size=8))
    values = somebody.values
    late = {"user_id": somebody.id, "title": people.own(values, "Late")}
    assert (await partner.ask("user.update", late)).done
    assert (await erase(partner, somebody.id)).done
    assert (await partner.ask("user.get", {"user_id": somebody.id})).status == 404
    assert await in_database(deployment, values)
    await jetstream.update_stream(config)

    async def nothing_left() -> bool:
        return not await in_database(deployment, values) and not await in_stream(deployment, values)

    await eventually(nothing_left, within=20)
    [event] = await events_on(deployment, f"evt.*.{partner.name}.{somebody.id}.>")
    assert event["type"] == "user.erased"
    await deployment.stop()
