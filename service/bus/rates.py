"""Rates: a token bucket for each partner, and one apart for each operation that has its own."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from service.bounded import Bounded

_MOST_BUCKETS = 10_000
"""Buckets kept at most: the partner in a subject is not verified yet when its rate is asked."""


@dataclass(slots=True)
class _Bucket:
    level: float
    filled_at: float


class Rates:
    """Admits or refuses, at a cost of well under a microsecond where no rate is set."""

    def __init__(self, partner_rate: float = 0, throttles: Mapping[str, float] | None = None):
        """`partner_rate` and each throttle are requests a second, 0 for no limit.

        A bucket holds two seconds' worth, so a burst of that size is admitted at once.
        """
        self._partner_rate = partner_rate
        self._throttles = throttles or {}
        self._buckets: Bounded[tuple[str | None, str], _Bucket] = Bounded(_MOST_BUCKETS)

    def wait(self, partner: str | None, throttle: str | None, now: float) -> int:
        """Whole seconds until a request is admitted: 0 for one that may go on.

        `now` is in seconds of a monotonic clock.
        """
        if self._partner_rate and (wait := self._take(partner, "", self._partner_rate, now)):
            return wait
        rate = self._throttles.get(throttle, 0) if throttle is not None else 0
        return self._take(partner, throttle or "", rate, now) if rate else 0

    def _take(self, partner: str | None, name: str, rate: float, now: float) -> int:
        most = max(1.0, 2 * rate)
        bucket = self._buckets.get((partner, name))
        if bucket is None:
            bucket = self._buckets[(partner, name)] = _Bucket(most, now)
        bucket.level = min(most, bucket.level + (now - bucket.filled_at) * rate)
        bucket.filled_at = now
        if bucket.level < 1:
            return math.ceil((1 - bucket.level) / rate)
        bucket.level -= 1
        return 0
