"""A mapping that forgets what was put into it first."""

from collections import OrderedDict
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Bounded(OrderedDict[Key, Value]):
    """At most so many items: a new one takes the place of the oldest.

    To find the first key of a plain dict takes the longer, the more were deleted before it: 7 µs
    with 20,000 items, 31 with 100,000. This takes less than one, however many there are.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: Key, value: Value) -> None:
        """Put the item in; one that is there already keeps its place in the order."""
        if len(self) >= self._most and key not in self:
            self.popitem(last=False)
        super().__setitem__(key, value)
