"""The typed client while workers and NATS die: whatever it was asked for is done, and once."""

import asyncio

from schemas.client import Client
from schemas.client.codes import VersionConflict
from schemas.user import UpdateUser
from tests.eventually import eventually
from tests.faults.house import PARTNER, House
from tests.schemas.test_client import a_user, entity

IN_FLIGHT = 16
GOALS = (100, 200)


async def test_worker_and_nats_killed(house: House) -> None:
    """No create fails and none is done twice; a change may find that it was done already."""
    worker = await house.worker()
    made: list[str] = []

    async def ask_on(client: Client, entity_id: str) -> None:
        while len(made) < GOALS[-1] + 100:
            user = await client.user.create(a_user(entity_id))
            made.append(user["userId"])
            change = UpdateUser(user_id=user["userId"], first_name="Lerato")
            try:
                await client.user.update(change, if_match=1)
            except VersionConflict as conflict:
                if not conflict.perhaps_done:
                    raise

    async with Client.connected(house.nats.url, PARTNER, house.token, deadline=60) as client:
        entity_id = await entity(client)
        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(ask_on(client, entity_id))
            await eventually(lambda: len(made) >= GOALS[0], within=60)
            worker.kill()
            await worker.start()
            await eventually(lambda: len(made) >= GOALS[1], within=60)
            house.nats.kill()
            await house.nats.start()
        listed = [each async for each in client.user.list_all()]
    assert sorted(each["id"] for each in listed) == sorted(made)
    assert {each["first_name"] for each in listed} == {"Lerato"}
