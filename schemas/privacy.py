"""svc.privacy: what is known of a person, what was done with it, and forgetting it."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from schemas.base import CANONICAL_UUID, Instant, Line, Page, PageRequest, Request, Uuid
from schemas.event import EventData, EventType

Section = Literal[
    "record", "profiles", "memberships", "preferences", "verifications", "history", "access"
]
"""The parts of an export, in their order."""

SECTIONS: tuple[Section, ...] = get_args(Section)

AggregateId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$"),
    Field(
        description="A UUID, or the partner's own name for what is set for it as a whole.",
        examples=["0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d"],
        json_schema_extra={"anyOf": [{"pattern": CANONICAL_UUID}, {"pattern": "^[A-Za-z0-9_-]+$"}]},
    ),
]
EventName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z_]+\.[a-z_]+$")]


class ReadHistory(PageRequest):
    """Of what the changes are wanted, and which of them; the filters combine."""

    aggregate_id: AggregateId
    since: Instant | None = Field(default=None, description="From this moment on.")
    until: Instant | None = Field(default=None, description="Before this moment.")
    type: EventName | None = Field(default=None, description="As an event has it: user.updated.")


class ReadAccessLog(PageRequest):
    """The person whose data was read."""

    person_id: Uuid


class ExportPerson(PageRequest):
    """The person whose data is wanted, all of it or one section."""

    person_id: Uuid
    section: Section | None = None


class ErasePerson(Request):
    """The person who is to be forgotten, and why."""

    person_id: Uuid
    reason: Line = Field(
        description="Kept with the event, which stays: it should not say who the person is."
    )


class HistoryEntry(TypedDict):
    """A change: which, when, by whom, under which request, and the names of what changed."""

    event_id: str
    type: str
    version: int
    time: datetime
    actor: str
    request_id: str
    changed: list[str]


class History(Page):
    """A page of changes, in the order in which they were made."""

    items: list[HistoryEntry]


class Access(TypedDict):
    """An unmasked read of a person's data, or an export."""

    access_id: str
    person_id: str
    time: datetime
    actor: str
    request_id: str
    operation: str


class AccessLogPage(Page):
    """A page of the access log, oldest first."""

    items: list[Access]


class ExportItem(TypedDict):
    """Something that is held on a person, as the operation that shows it does."""

    section: Section
    data: dict[str, Any]


class Export(Page):
    """A page of all that is held on a person; `sections` are those that the export consists of."""

    sections: list[Section]
    items: list[ExportItem]


class Erased(TypedDict):
    """That a person is forgotten, and since when."""

    person_id: str
    erased_at: datetime


class UserErasedData(EventData):
    """A user who is no more."""

    user_id: str
    erased_at: datetime
    reason: str


class IdentityErasedData(EventData):
    """A person who is no more, and what it was."""

    person_id: str
    type: str
    erased_at: datetime
    reason: str


UserErased = EventType("user.erased", UserErasedData, "All that was held on a user is erased.")
IdentityErased = EventType(
    "identity.erased", IdentityErasedData, "All that was held on a person is erased."
)
