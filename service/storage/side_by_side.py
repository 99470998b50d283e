"""Side by side: several things at once, each brought to its end whatever becomes of the others."""

import asyncio
from collections.abc import Awaitable, Iterable


async def all_ended(works: Iterable[Awaitable[None]]) -> None:
    """Return when all have ended; raise the first error, if there was one, only then."""
    for outcome in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
