"""An event that no message has room for: refused where it would come to be, and never sent."""

from typing import Any

import pytest

from tests.client import Partner, new_user
from tests.deployment import Deploy, Deployment
from tests.eventually import eventually

MAX_PAYLOAD = 8_192
LONG = "\U0001f600" * 256


@pytest.fixture
async def deployment(deploy: Deploy) -> Deployment:
    """A worker whose server takes small messages only."""
    config = f"max_payload: {MAX_PAYLOAD}"
    return await deploy(1, nats_config=config, sweep_seconds=0.2, sweep_age_seconds=0.2)


async def test_a_change_that_could_not_be_told(deployment: Deployment) -> None:
    """It is refused, nothing of it is there, and a smaller one goes through."""
    partner = Partner(deployment)
    entity_id = await partner.entity()
    names = ("first_name", "last_name", "city", "residency", "title", "gender")
    body = new_user(entity_id, **dict.fromkeys(names, LONG), phone_number="x" * 256)
    refused = await partner.ask("user.create", body)
    assert refused.refusal == (400, "TOO_LARGE", None)
    assert (await partner.ask("user.list", {})).done["users"] == []
    user_id = await partner.user(entity_id)
    told = dict.fromkeys(("first_name", "last_name", "residency", "title", "gender"), LONG)
    assert (await partner.ask("user.update", {"user_id": user_id, **told})).version == 2
    more = {"user_id": user_id, "birth_city": LONG, "phone_number": LONG}
    assert (await partner.ask("user.update", more)).refusal == (400, "TOO_LARGE", None)
    assert len(await partner.events(user_id, 2)) == 2


async def test_one_that_is_there_all_the_same(deployment: Deployment) -> None:
    """As when the server took more before: it stays where it is, and nobody else notices."""
    partner, [worker] = Partner(deployment), deployment.workers
    user_id = await partner.user()
    database = deployment.database

    async def settled() -> dict[str, Any] | None:
        return await database["users"].find_one({"_id": user_id, "outbox": []})

    assert await eventually(settled)
    line = await database["events"].find_one({"aggregate_id": user_id})
    assert line is not None
    large = {**line, "id": "large", "version": 2, "body": b"x" * MAX_PAYLOAD}
    await database["users"].update_one({"_id": user_id}, {"$push": {"outbox": large}})
    before = worker.relay.given_up
    await eventually(lambda: worker.relay.given_up > before + 1)
    assert worker.connection.is_connected
    other = await partner.user()
    assert len(await partner.events(other, 1)) == 1
    [kept] = (await database["users"].find_one({"_id": user_id}) or {})["outbox"]
    assert kept["id"] == "large"
