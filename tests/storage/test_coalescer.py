"""Natural batching: who leaves with whom, and who hears of whose failure."""

import asyncio
from collections.abc import Sequence

import pytest

from service.problems import Unavailable
from service.storage.coalescer import MOST, Coalescer


class Refused(Exception):
    """One item is not taken."""


class Flush:
    """Stands for the database: a round trip ends when the test says so."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.fails: Exception | None = None
        self.gate = asyncio.Semaphore(0)

    async def __call__(self, items: list[int]) -> Sequence[int | Exception]:
        self.batches.append(items)
        await self.gate.acquire()
        if self.fails is not None:
            fails, self.fails = self.fails, None
            raise fails
        return [Refused() if item < 0 else item * 10 for item in items]

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]


@pytest.fixture
def flush() -> Flush:
    return Flush()


@pytest.fixture
def coalescer(flush: Flush) -> Coalescer[int, int]:
    return Coalescer(flush)


async def test_alone_it_waits_for_nobody(flush: Flush, coalescer: Coalescer[int, int]) -> None:
    """A single item is on its way as soon as the loop turns: there is no timer."""
    future = coalescer.submit(1)
    await asyncio.sleep(0)
    assert flush.batches == [[1]]
    flush.gate.release()
    assert await future == 10


async def test_what_comes_meanwhile_leaves_together(
    flush: Flush, coalescer: Coalescer[int, int]
) -> None:
    """What arrives during a round trip is one batch, and each gets the result that is its own."""
    first = coalescer.submit(0)
    await asyncio.sleep(0)
    others = [coalescer.submit(number) for number in range(1, 65)]
    await asyncio.sleep(0)
    assert flush.sizes == [1]
    flush.gate.release()
    flush.gate.release()
    assert await asyncio.gather(first, *others) == [number * 10 for number in range(65)]
    assert flush.sizes == [1, 64]


async def test_a_batch_has_a_bound(flush: Flush, coalescer: Coalescer[int, int]) -> None:
    """More than a round trip may carry is spread over several, in order."""
    futures = [coalescer.submit(number) for number in range(MOST + 1)]
    flush.gate.release()
    flush.gate.release()
    assert await asyncio.gather(*futures) == [number * 10 for number in range(MOST + 1)]
    assert flush.batches == [list(range(MOST)), [MOST]]


async def test_one_fails_alone(flush: Flush, coalescer: Coalescer[int, int]) -> None:
    """The one that is refused hears of it; its 63 neighbours succeed."""
    futures = [coalescer.submit(-1 if number == 20 else number) for number in range(64)]
    flush.gate.release()
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(results.pop(20), Refused)
    assert results == [number * 10 for number in range(64) if number != 20]
    assert flush.sizes == [64]


async def test_unavailable_is_for_all_who_wait(
    flush: Flush, coalescer: Coalescer[int, int]
) -> None:
    """Whoever waits behind a batch that found nobody there does not wait for another time limit."""
    flush.fails = Unavailable()
    first = coalescer.submit(1)
    await asyncio.sleep(0)
    behind = [coalescer.submit(number) for number in range(2, MOST + 10)]
    flush.gate.release()
    results = await asyncio.gather(first, *behind, return_exceptions=True)
    assert {type(result) for result in results} == {Unavailable}
    assert flush.sizes == [1]
    flush.gate.release()
    assert await coalescer.submit(7) == 70


async def test_a_defect_is_for_its_batch(flush: Flush, coalescer: Coalescer[int, int]) -> None:
    """Any other failure of a round trip is its own batch's; the next one is carried out."""
    flush.fails = RuntimeError()
    first = coalescer.submit(1)
    await asyncio.sleep(0)
    second = coalescer.submit(2)
    flush.gate.release()
    flush.gate.release()
    with pytest.raises(RuntimeError):
        await first
    assert await second == 20


async def test_a_caller_that_has_gone(flush: Flush, coalescer: Coalescer[int, int]) -> None:
    """One that no longer waits, whatever becomes of its item, is in nobody's way."""
    futures = [coalescer.submit(-number) for number in range(4)]
    await asyncio.sleep(0)
    futures[0].cancel()
    futures[1].cancel()
    flush.gate.release()
    results = await asyncio.gather(*futures[2:], return_exceptions=True)
    assert [type(result) for result in results] == [Refused, Refused]
    flush.gate.release()
    assert await coalescer.submit(5) == 50
