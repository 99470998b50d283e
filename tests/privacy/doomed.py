"""Workers that die in the middle of an erasure."""

from typing import Any

from service.bus.relay import Relay
from service.bus.stream import EventStream
from service.privacy import store
from service.privacy.erasing import Erasing
from service.storage.event_log import EventLog
from service.storage.together import Transaction
from tests.doomed import die, fork_workers

MOMENTS: dict[str, tuple[Any, str]] = {
    "before the tombstone": (Transaction, "apply"),
    "before the commit's events are told": (Relay, "submit"),
    "before the household": (Erasing, "_erase_household"),
    "before anything is found": (Erasing, "_found"),
    "before the documents": (Erasing, "_end"),
    "before what is pending is published": (Erasing, "_published"),
    "before the log": (EventLog, "forget"),
    "before the stream": (EventStream, "purge"),
    "before the person's own events": (Erasing, "_silence_person"),
    "before it is written down as done": (store, "looked_at"),
}
"""What is about to be done when a worker dies, and the name of it."""


def doom(moment: str) -> None:
    """Make this process die at the moment."""
    where, name = MOMENTS[moment]
    setattr(where, name, die)


if __name__ == "__main__":
    fork_workers(doom)
