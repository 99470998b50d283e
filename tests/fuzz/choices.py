"""Bytes as a row of choices: what a fuzzer mutates becomes another request, and still one."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Reads choices off the front of the bytes; when there are no more, each is the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def below(self, bound: int) -> int:
        """A number from 0 on, below the bound, which is 256 at most."""
        taken = self.take(1)
        return taken[0] % bound if taken else 0

    def one_of(self, options: Sequence[T]) -> T:
        """One of them."""
        return options[self.below(len(options))]

    def text(self) -> bytes:
        """Some bytes, 255 at most."""
        return self.take(self.below(256))

    def take(self, length: int) -> bytes:
        """So many bytes, or all that there are."""
        taken = self._data[self._at : self._at + length]
        self._at += length
        return taken

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))
