"""Which events a reader wants, and where it begins."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from schemas.client.known_events import EventName
from schemas.client.received import UnreadableEvent

_TOKENS = 5
"""Of the subject of an event."""

Since = Literal["start", "now"] | datetime
"""Where a consumer begins that there has not been before."""


@dataclass(frozen=True)
class Wanted:
    """Which events, by whom they are read, and how."""

    durable: str
    partner: str
    types: frozenset[EventName]
    """None at all means every type."""
    aggregate: str | None
    since: Since
    takeover: float
    given: bool
    """Whether the consumer was made for the reader, who may not make or change one."""
    unreadable: Callable[[UnreadableEvent], object] | None

    @property
    def subject(self) -> str:
        """The narrowest subject with all of them: one alone, as a server can hold a reader to."""
        services = {each.partition(".")[0] for each in self.types}
        names = {each.partition(".")[2] for each in self.types}
        service = services.pop() if len(services) == 1 else "*"
        name = names.pop() if len(names) == 1 else "*"
        return f"evt.{service}.{self.partner}.{self.aggregate or '*'}.{name}"

    def has(self, subject: str) -> bool:
        """Whether what stands on the subject is wanted."""
        tokens = subject.split(".")
        if len(tokens) != _TOKENS:
            return False
        _, service, _, aggregate, name = tokens
        of_type = not self.types or f"{service}.{name}" in self.types
        return of_type and self.aggregate in {None, aggregate}
