"""Side by side: several things at once, each brought to its end whatever becomes of the others."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

Result = TypeVar("Result")


async def all_ended(works: Iterable[Awaitable[Result]]) -> list[Result]:
    """What each came to, when all have ended; raise the first error, if any, only then."""
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    results = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        results.append(outcome)
    return results
