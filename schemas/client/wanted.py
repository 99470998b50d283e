"""Which events a reader wants, and where it begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from schemas.client.known_events import EventName
from schemas.client.received import UnreadableEvent
from schemas.client.refusals import ClientError

_TOKENS = 5
"""Of the subject of an event."""

Since = Literal["start", "now"] | datetime
"""Where a consumer begins that there has not been before."""


class ReaderTaken(ClientError):
    """The durable consumer that is called like the reader reads another partner's events."""

    def __init__(self, durable: str) -> None:
        super().__init__(
            f"the consumer {durable} reads another partner's events: call the reader otherwise"
        )
        self.durable = durable


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

    def is_read_by(self, filters: Sequence[str]) -> bool:
        """Whether a consumer with these filters reads the events of the partner, and no other's."""
        partners = {(subject.split(".") + ["*"] * _TOKENS)[2] for subject in filters or [">"]}
        return {"*" if each == ">" else each for each in partners} == {self.partner}

    def has(self, subject: str) -> bool:
        """Whether what stands on the subject is wanted."""
        tokens = subject.split(".")
        if len(tokens) != _TOKENS:
            return False
        _, service, _, aggregate, name = tokens
        of_type = not self.types or f"{service}.{name}" in self.types
        return of_type and self.aggregate in {None, aggregate}
