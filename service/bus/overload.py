"""Refusing what is beyond the bound, at a fraction of what carrying it out would cost.

Nothing of the request is looked at but the id that its refusal has to repeat, and the refusal is
made beforehand but for that id and the time to stay away. Else a worker that is asked for twice
what it can do would spend itself on saying no.
"""

import random
import re
from math import ceil

from service.bus.dispatch import refusal
from service.ids import random_id
from service.problems import Overloaded

MOST_SECONDS = 30
"""The longest that a caller is told to stay away."""

_WINDOW = 1.0
_ID = re.compile(rb"\r\nx-request-id:[ \t]*([a-z0-9-]{1,36})[ \t]*(?=\r\n)", re.IGNORECASE)
_MARK = "an-id"
_HEADERS = re.split(rb"an-id|(?<=Retry-After: )1", refusal(Overloaded(), _MARK).headers)
_BODY = refusal(Overloaded(), _MARK).body.split(_MARK.encode())


class Refusals:
    """Makes the refusals of one worker, and spreads over time when the refused come again."""

    def __init__(self) -> None:
        self.done = 0
        """Requests that were carried out; whoever carries them out counts."""
        self._refused = 0
        self._done_before = 0
        self._window_began = 0.0
        self._spread = 1

    def refuse(self, headers: bytes, now: float) -> tuple[bytes, bytes]:
        """The header block and the body of a refusal; `now` is in seconds of a monotonic clock."""
        ids = set(_ID.findall(headers))
        id = ids.pop() if len(ids) == 1 else random_id().encode()
        before, between, after = _HEADERS
        seconds = b"%d" % self._stay_away(now)
        return before + id + between + seconds + after, id.join(_BODY)

    def _stay_away(self, now: float) -> int:
        """Seconds, drawn so that as many of the refused come back in one as are served in one.

        All told the same, they would come back together, to be refused together.
        """
        if now - self._window_began >= _WINDOW:
            done = self.done - self._done_before
            self._spread = min(MOST_SECONDS, max(1, ceil(self._refused / max(1, done))))
            self._refused, self._done_before, self._window_began = 0, self.done, now
        self._refused += 1
        return random.randint(1, self._spread) if self._spread > 1 else 1  # noqa: S311  # no secret
