"""MongoDB is killed or stops answering: refusals come soon, and no worker need be restarted."""

import asyncio
import time
from collections.abc import Callable

import pytest

from service.local import LocalServer
from tests.client import new_user
from tests.eventually import eventually
from tests.faults.audit import audited
from tests.faults.house import House
from tests.faults.load import Answer, Load

MOST_SECONDS = 3.0
CALLERS = 64


async def timed(load: Load, title: str, body: object) -> tuple[float, Answer]:
    began = time.monotonic()
    answer = await load.ask(title, body)
    return time.monotonic() - began, answer


@pytest.mark.parametrize("gone", [LocalServer.kill, LocalServer.freeze], ids=["killed", "frozen"])
async def test_mongo_away(house: House, gone: Callable[[LocalServer], None]) -> None:
    """Everyone hears 503 within 3 s, also those who wait for others; then all goes on as before."""
    worker = await house.worker()
    load = Load(house.bus, house.token)
    await load.prepare()
    crowded = await load.create()

    gone(house.mongo)
    for _ in range(2):  # what is known to be away is refused no later than what is newly so
        answers = await asyncio.gather(
            *(
                timed(load, "user.update", {"user_id": crowded, "first_name": f"name {number}"})
                for number in range(CALLERS)
            ),
            *(timed(load, "user.create", new_user(load.entity_id)) for _ in range(CALLERS)),
            timed(load, "user.get", {"user_id": crowded}),
            timed(load, "user.list", {"limit": 1}),
            timed(load, "user.exists", {"email": "nobody@example.com"}),
        )
        assert {answer.status for _, answer in answers} == {503}
        assert all(int(answer.headers["Retry-After"]) >= 1 for _, answer in answers)
        assert max(seconds for seconds, _ in answers) < MOST_SECONDS

    if house.mongo.alive:
        house.mongo.thaw()
    else:
        await house.mongo.start()
    load.recovering()

    async def changed() -> bool:
        return (await load.update(crowded)).status == 200

    await eventually(changed)
    assert worker.alive
    assert await audited(house, load) == []
