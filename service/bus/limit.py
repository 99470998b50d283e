"""The time limit of requests: one timer for all of them.

A timer for each, as `asyncio.timeout` has, costs an eighth of what a query costs.
"""

import asyncio
import time

_TICK = 0.1
"""Seconds between two looks at who is late: a limit may be passed by so much."""


class TimeLimit:
    """Cancels the tasks that take longer than they may, the same for each."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began: dict[asyncio.Task[object], float] = {}
        """In the order in which they began, so whoever is late stands first."""
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> asyncio.Task[object]:
        """The current task has so much time from now on; give it, for `end`."""
        if self._loop is None:  # once: to ask for it costs a system call
            self._loop = asyncio.get_running_loop()
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("only a task can be cancelled")
        self._began[task] = time.monotonic()
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK, self._look)
        return task

    def end(self, task: asyncio.Task[object]) -> None:
        """The task is done with what was limited."""
        self._began.pop(task, None)
        self._late.discard(task)

    def cancelled(self, task: asyncio.Task[object]) -> bool:
        """Whether a cancellation that has reached the task came from here; it is over then."""
        if task not in self._late:
            return False
        task.uncancel()
        return True

    def _look(self) -> None:
        self._timer = None
        latest = time.monotonic() - self._seconds
        while self._began:
            task, began = next(iter(self._began.items()))
            if began > latest:
                self._timer = task.get_loop().call_later(_TICK, self._look)
                break
            del self._began[task]
            self._late.add(task)
            task.cancel()
