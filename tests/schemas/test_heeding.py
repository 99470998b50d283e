"""A cancellation that comes in the same moment as what is waited for."""

import asyncio

import pytest

from schemas.heeding import heeding


@pytest.mark.parametrize("outcome", ["result", "error"])
async def test_it_is_raised(outcome: str) -> None:
    """In the place of the result, or of an error that would be told instead."""
    came: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        with heeding():
            await asyncio.wait_for(came, 60)

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    if outcome == "result":
        came.set_result(None)
    else:
        came.set_exception(ValueError)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_one_from_before_is_not_raised_again() -> None:
    """Who goes on after a cancellation, to clean up, may wait in peace."""

    async def clean_up() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            with heeding():
                await asyncio.sleep(0)
        return "clean"

    cleaning = asyncio.ensure_future(clean_up())
    await asyncio.sleep(0)
    cleaning.cancel()
    assert await cleaning == "clean"


async def test_a_timeout_stays_one() -> None:
    """Whether it stands around or within."""

    async def wait() -> None:
        async with asyncio.timeout(0.01):
            with heeding():
                await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        await wait()
    with heeding(), pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.sleep(60), 0.01)
