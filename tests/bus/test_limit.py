"""The time limit: who takes too long is cancelled, and nobody else."""

import asyncio

import pytest

from service.bus.limit import TimeLimit


async def limited(limit: TimeLimit, seconds: float) -> str:
    """Take so many seconds under the limit; tell how it ended."""
    task = limit.begin()
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        if not limit.cancelled(task):
            raise
        await asyncio.sleep(0)  # the cancellation is over: whoever was late can still answer
        return "late"
    finally:
        limit.end(task)
    return "in time"


async def test_late_ones() -> None:
    """Each has its own time, from when it began; those behind a late one keep theirs."""
    limit = TimeLimit(0.15)
    first = asyncio.create_task(limited(limit, 60))
    quick = [asyncio.create_task(limited(limit, 0.01)) for _ in range(100)]
    await asyncio.gather(*quick)
    second = asyncio.create_task(limited(limit, 60))
    assert [await first, *(await asyncio.gather(*quick)), await second] == [
        "late",
        *["in time"] * 100,
        "late",
    ]
    assert first.result() == "late"
    assert first.cancelling() == 0


async def test_cancelled_by_others() -> None:
    """A cancellation that does not come from the limit goes on its way."""
    limit = TimeLimit(60)
    task = asyncio.create_task(limited(limit, 60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
