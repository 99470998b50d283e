"""Where in a JSON text its values are: what `json` knows while it reads, and does not tell."""

import json
import re
from collections.abc import Iterator

Place = tuple[str | int, ...]
"""The keys and positions that lead to a value."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


class SameKeyTwice(ValueError):
    """An object has a key twice, of which a reader would take one and drop the other."""

    def __init__(self, line: int) -> None:
        super().__init__("this key is there twice")
        self.line = line


def line_of_each(text: str) -> dict[Place, int]:
    """The line on which each value of a valid JSON text begins; for one under a key, the key's.

    Raises: SameKeyTwice.
    """
    return _Walk(text).lines


class _Walk:
    def __init__(self, text: str) -> None:
        self.lines: dict[Place, int] = {}
        self._tokens = _tokens(text)
        self._value((), *next(self._tokens))

    def _value(self, place: Place, piece: str, line: int) -> None:
        self.lines.setdefault(place, line)
        if piece == "{":
            self._object(place)
        elif piece == "[":
            self._list(place)

    def _object(self, place: Place) -> None:
        for piece, line in self._tokens:
            if piece == "}":
                return
            if piece == ",":
                continue
            here = (*place, json.loads(piece))
            if here in self.lines:
                raise SameKeyTwice(line)
            self.lines[here] = line
            next(self._tokens)  # the colon
            self._value(here, *next(self._tokens))

    def _list(self, place: Place) -> None:
        position = 0
        for piece, line in self._tokens:
            if piece == "]":
                return
            if piece == ",":
                position += 1
            else:
                self._value((*place, position), piece, line)


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Each token with its line, counted from 1."""
    line, at = 1, 0
    for found in _TOKEN.finditer(text):
        line += text.count("\n", at, found.start())
        at = found.start()
        yield found[0], line
