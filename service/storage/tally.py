"""Tallies: how large the batches of one kind are, and how long each takes."""

from service.counting import DURATIONS, Histogram

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Tally:
    """What the batches of one operation on one collection have come to."""

    __slots__ = ("collection", "durations", "operation", "sizes")

    def __init__(self, collection: str = "", operation: str = "") -> None:
        self.collection = collection
        self.operation = operation
        self.sizes = Histogram(SIZES)
        self.durations = Histogram(DURATIONS)
        """In nanoseconds."""
