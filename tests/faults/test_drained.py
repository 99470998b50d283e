"""A worker is told to end: it answers what came, and others take what comes."""

from tests.faults.audit import audited
from tests.faults.house import House
from tests.faults.load import Load, loaded

STRIDE = 100
LOST_SECONDS = 10.0
"""A request that has no answer by then is not slow: it is lost."""

DRAIN_SECONDS = 4.0
STOP_SECONDS = 12.0
"""What the setting gives, two farewells of a second, and a slow machine."""


async def test_rolling_restart(house: House, rounds: int) -> None:
    """Workers are restarted one after another under load, and no request notices."""
    workers = await house.two_workers()
    async with loaded(house, within=LOST_SECONDS) as load:
        for number in range(rounds):
            worker = workers[number % len(workers)]
            await load.progress(STRIDE)
            assert await worker.stop() == 0
            await load.progress(STRIDE)
            await worker.start()
    assert set(load.outcomes) <= {"acknowledged", "refused"}
    assert await audited(house, load) == []


async def test_stop_without_nats(house: House) -> None:
    """A worker ends in its time also when there is no NATS server to say good-bye to."""
    worker = await house.worker(drain_seconds=DRAIN_SECONDS)
    load = Load(house.bus, house.token)
    await load.prepare()
    house.nats.freeze()
    assert await worker.stop(within=STOP_SECONDS) == 0
    house.nats.thaw()
