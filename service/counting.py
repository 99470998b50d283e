"""Counts: plain numbers that the hot path raises, and that whoever looks may read from a thread.

A metric of a library costs a lock and two look-ups each time it is raised; these cost an addition.
"""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """How often values were within each of some bounds, and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[int]) -> None:
        """`bounds` are upper ones, each included, in ascending order."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Values up to each bound and beyond the one before it; the last are beyond all."""
        self.sum = 0

    def add(self, value: int) -> None:
        """Count one more value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        """All values."""
        return sum(self.counts)


DURATIONS = tuple(
    round(milliseconds * 1e6)
    for milliseconds in (0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500)
)
"""Bounds of durations, in nanoseconds: a request takes 2.2 s at most."""
