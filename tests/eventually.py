"""Waiting for a condition instead of a time."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

LOOK_EVERY = 0.01


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]], *, within: float = ..., what: str = ...
) -> T: ...


@overload
async def eventually(condition: Callable[[], T], *, within: float = ..., what: str = ...) -> T: ...


async def eventually(condition: Callable[[], Any], *, within: float = 15.0, what: str = "") -> Any:
    """Return the condition's first true value; fail if it has none in so many seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        assert loop.time() < deadline, f"{what or _source(condition)}: not in {within} s"
        await asyncio.sleep(LOOK_EVERY)


def _source(condition: Callable[[], Any]) -> str:
    """What stands in the code, or the name of what was not written in Python: `task.done`."""
    try:
        return inspect.getsource(condition)
    except TypeError:
        return repr(condition)
