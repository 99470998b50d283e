"""The turnstile: so many requests at once, and the partners in turn when more want to start.

A partner alone may use the whole worker. When others ask too, less runs at once, each has an equal
share of it, and one that has nothing running starts without waiting for anybody's queue. The dearer
requests are, the smaller is a share: what runs already is what a newcomer has to wait for.
"""

from collections import deque
from typing import Generic, TypeVar

Request = TypeVar("Request")

_RECENT = 1.0
"""Seconds for which a partner that has asked keeps its share free of others."""

_SMALLEST_SHARE = 8

_SHARE_SECONDS = 0.002
"""Of the loop's time: as much one partner may have running where others ask.

Beside 256 creates in flight, 0.003 lets another wait three times as long as alone, 32 requests
whatever they cost seven times; beside as many lists, 32 thirty times.
"""
_FEWEST = 2
_CHEAPEST = 1e-6
"""Seconds: a coarse clock may say that a request cost nothing."""


class Turnstile(Generic[Request]):
    """Decides which request starts next; knows nothing of what a request is."""

    def __init__(self, at_once: int, alone: int) -> None:
        """`at_once` is how many may run where several partners ask, `alone` where one does."""
        self._at_once = at_once
        self._alone = alone
        self._most = alone
        self._share = alone
        self._affordable = at_once
        self._running: dict[bytes, int] = {}
        self._queues: dict[bytes, deque[tuple[float, Request]]] = {}
        self._asked: dict[bytes, float] = {}
        self._left: dict[bytes, float] = {}
        """When a request of a partner ended last, of the partners that have a queue."""
        self._looked_at = 0.0
        self.running = 0
        self.waiting = 0

    def enter(self, partner: bytes, request: Request, now: float) -> bool:
        """Whether the request may start; else it is kept until `leave` gives it back."""
        self._asked[partner] = now
        if now - self._looked_at > _RECENT / 4:
            # Not with each request: of made-up partners there may be thousands.
            self._looked_at = now
            self._asked = {p: at for p, at in self._asked.items() if now - at <= _RECENT}
        others = len(self._asked) > 1
        self._most = self._at_once if others else self._alone
        self._share = max(_SMALLEST_SHARE, self._most // len(self._asked))
        if others:
            self._share = min(self._share, self._affordable)
        if partner not in self._queues and self._may_start(partner):
            self._start(partner)
            return True
        self._queues.setdefault(partner, deque()).append((now, request))
        self.waiting += 1
        return False

    def charge(self, cost: float) -> None:
        """From now on a request is taken to cost so many seconds of the loop's time."""
        self._affordable = max(_FEWEST, int(_SHARE_SECONDS / max(cost, _CHEAPEST)))

    def leave(self, partner: bytes, now: float) -> list[tuple[bytes, Request]]:
        """A request of the partner has ended; give those that start now."""
        self.running -= 1
        if partner in self._queues:
            self._left[partner] = now
        if self._running[partner] > 1:
            self._running[partner] -= 1
        else:
            del self._running[partner]
        started: list[tuple[bytes, Request]] = []
        while self.waiting:
            chosen = next((each for each in self._queues if self._may_start(each)), None)
            if chosen is None:
                break
            started.append((chosen, self._next_of(chosen)))
        return started

    def hurry(self, entered_before: float) -> list[tuple[bytes, Request]]:
        """Give those that have waited since then for partners of which nothing has ended since.

        A database that does not answer holds up what runs; it must not hold up the rest as well.
        """
        started = []
        for partner in list(self._queues):
            if self._left.get(partner, entered_before) > entered_before:
                continue  # its requests are only many
            while self._queues.get(partner) and self._queues[partner][0][0] < entered_before:
                started.append((partner, self._next_of(partner)))
        return started

    def _next_of(self, partner: bytes) -> Request:
        queue = self._queues.pop(partner)
        _, request = queue.popleft()
        if queue:
            self._queues[partner] = queue  # behind the others, so that they take turns
        else:
            self._left.pop(partner, None)
        self.waiting -= 1
        self._start(partner)
        return request

    def _start(self, partner: bytes) -> None:
        self.running += 1
        self._running[partner] = self._running.get(partner, 0) + 1

    def _may_start(self, partner: bytes) -> bool:
        mine = self._running.get(partner, 0)
        if mine == 0:
            # Nobody waits behind another's queue; made-up partners cannot have it without end.
            return self.running < self._alone + self._at_once
        return self.running < self._most and mine < self._share
