"""The turnstile: so many requests at once, and the partners in turn when more want to start.

A partner alone may use the whole worker. When others ask too, less runs at once, each has an equal
share of it, and one that has nothing running starts without waiting for anybody's queue.
"""

from collections import deque
from typing import Generic, TypeVar

Request = TypeVar("Request")

_RECENT = 1.0
"""Seconds for which a partner that has asked keeps its share free of others."""

_SMALLEST_SHARE = 8


class Turnstile(Generic[Request]):
    """Decides which request starts next; knows nothing of what a request is."""

    def __init__(self, at_once: int, alone: int) -> None:
        """`at_once` is how many may run where several partners ask, `alone` where one does."""
        self._at_once = at_once
        self._alone = alone
        self._most = alone
        self._share = alone
        self._running: dict[bytes, int] = {}
        self._queues: dict[bytes, deque[tuple[float, Request]]] = {}
        self._asked: dict[bytes, float] = {}
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
        if partner not in self._queues and self._may_start(partner):
            self._start(partner)
            return True
        self._queues.setdefault(partner, deque()).append((now, request))
        self.waiting += 1
        return False

    def leave(self, partner: bytes) -> list[tuple[bytes, Request]]:
        """A request of the partner has ended; give those that start now."""
        self.running -= 1
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
        """Give those that have waited since then: what runs is slow for a reason of its own.

        A database that does not answer holds up what runs; it must not hold up the rest as well.
        """
        started = []
        for partner in list(self._queues):
            while self._queues.get(partner) and self._queues[partner][0][0] < entered_before:
                started.append((partner, self._next_of(partner)))
        return started

    def _next_of(self, partner: bytes) -> Request:
        queue = self._queues.pop(partner)
        _, request = queue.popleft()
        if queue:
            self._queues[partner] = queue  # behind the others, so that they take turns
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
