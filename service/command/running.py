"""Runs a command that goes on until it is told to end, by Ctrl-C or SIGTERM."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Coroutine
from signal import SIGINT, SIGTERM
from typing import Any

try:
    from uvloop import new_event_loop
except ImportError:  # there is none for this platform
    from asyncio import new_event_loop  # type: ignore[assignment]  # one does as well

_KILLED_BY = 128
_SWITCH_SECONDS = 0.001


def run_until_told(
    main: Coroutine[Any, Any, None], abandon: Callable[[], None] = lambda: None
) -> None:
    """Run until done, or until a signal cancels it, which it uses to end in good order.

    A second signal calls `abandon`, then ends the process at once.
    """
    # What is there by now stays, and nearly all that a request makes is freed without the
    # collector, which by default looks so often that it takes a fifth of a create's time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    # The driver's threads ask for the interpreter at each answer of MongoDB; by default they wait
    # 5 ms for it each time while the loop is busy, which costs creates a fifth of their rate.
    sys.setswitchinterval(_SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_cancelled_by_signal(main, abandon))


async def _cancelled_by_signal(
    main: Coroutine[Any, Any, None], abandon: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(main)
    told = False

    def end(number: int) -> None:
        nonlocal told
        if told:
            abandon()
            os._exit(_KILLED_BY + number)
        told = True
        task.cancel()

    for number in (SIGINT, SIGTERM):
        loop.add_signal_handler(number, end, number)
    try:
        await task
    except asyncio.CancelledError:
        if not told:
            raise
