"""A call that is cancelled ends there, at whichever of its steps that meets it."""

import asyncio

import pytest

from service.storage.mongo import Driver, Mongo

STEPS = 40
"""Turns of the loop: more than a call takes, and all of the first one's."""


@pytest.mark.parametrize("steps", range(STEPS))
async def test_at_each_step(mongo_uri: str, database: str, driver: Driver, steps: int) -> None:
    """Nothing goes on after it: neither this call nor those that its caller would make next."""
    mongo = Mongo(mongo_uri, database, driver)
    await mongo.ping()

    async def look_on() -> None:
        while True:
            await mongo.find("things", {"_id": "nobody"}, limit=1)

    looking = asyncio.create_task(look_on())
    for _ in range(steps):
        await asyncio.sleep(0)
    looking.cancel()
    await asyncio.wait([looking], timeout=5)
    assert looking.cancelled()
    await mongo.close()
