"""Whatever is killed in the middle of load: what was acknowledged stays, and is told once."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable

from tests.faults.audit import audited, waiting
from tests.faults.house import House
from tests.faults.load import Load, loaded

STRIDE = 200
"""Acknowledged changes between two faults."""
MORE = 5
"""Faults beyond those asked for, as long as none has hit anything."""


async def strikes(load: Load, rounds: int, hit: Callable[[], bool]) -> AsyncIterator[None]:
    """So many moments to strike at, and some more until a strike has hit; progress between them."""
    for number in itertools.count():
        await load.progress(STRIDE)
        if number >= rounds and (hit() or number == rounds + MORE):
            return
        yield


async def test_worker_killed(house: House, rounds: int) -> None:
    """A killed worker leaves events untold; the next one tells them."""
    worker = await house.worker()
    left: list[int] = []
    async with loaded(house) as load:
        async for _ in strikes(load, rounds, lambda: any(left) and load.outcomes["unanswered"] > 0):
            worker.kill()
            left.append(await waiting(house))
            await worker.start()
            load.recovering()
    assert any(left), "no kill hit a change whose event was not told yet"
    assert load.outcomes["unanswered"] > 0, "no kill hit a request"
    assert await audited(house, load) == []


async def test_nats_killed(house: House, rounds: int) -> None:
    """The workers connect anew, and publish again what nobody acknowledged."""
    await house.two_workers()
    async with loaded(house) as load:
        async for _ in strikes(load, rounds, lambda: load.outcomes["unanswered"] > 0):
            house.nats.kill()
            await house.nats.start()
            load.recovering()
    assert load.outcomes["unanswered"] > 0, "no kill hit a request"
    assert await audited(house, load) == []


async def test_nats_gone_for_long(house: House, outage: float) -> None:
    """Events wait in the outboxes for as long as it takes, and are told in their order."""
    await house.two_workers()
    async with loaded(house) as load:
        await load.progress(STRIDE)
        house.nats.kill()
        await asyncio.sleep(outage)
        left = await waiting(house)
        await house.nats.start()
        load.recovering()
        await load.progress(STRIDE)
    assert left > 0, "nothing waited for the stream"
    assert await audited(house, load) == []


async def test_nats_frozen(house: House, outage: float) -> None:
    """Answers that come too late are answers to questions that were asked again meanwhile."""
    await house.two_workers()
    async with loaded(house) as load:
        await load.progress(STRIDE)
        house.nats.freeze()
        await asyncio.sleep(outage)
        house.nats.thaw()
        load.recovering()
        await load.progress(STRIDE)
    assert load.outcomes["unanswered"] > 0, "no request was under way"
    assert await audited(house, load) == []


async def test_mongo_killed(house: House, rounds: int) -> None:
    """Whoever hears 503 asks again, and nothing is done twice."""
    await house.two_workers()
    async with loaded(house) as load:
        for _ in range(rounds):
            await load.progress(STRIDE)
            house.mongo.kill()
            await load.hears("unavailable")
            await house.mongo.start()
            load.recovering()
        await load.progress(STRIDE)
    assert load.outcomes["unanswered"] == 0, "while MongoDB is away there are answers all the same"
    assert await audited(house, load) == []
