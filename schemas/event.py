"""The envelope of a domain event: CloudEvents 1.0, structured mode, on NATS."""

from dataclasses import dataclass
from typing import Any, NotRequired

from typing_extensions import TypedDict

CONTENT_TYPE = "application/cloudevents+json"
SOURCE = "svc-user"


class EventData(TypedDict):
    """What the data of every event has: the names of the fields that changed."""

    changed: list[str]


class Event(TypedDict):
    """A CloudEvents 1.0 event with the extension attributes of svc-user.

    `aggregateversion` is the version that this change produced, 1 for the first.
    """

    specversion: str
    id: str
    type: str
    source: str
    subject: str
    time: str
    datacontenttype: str
    dataschema: str
    partnerid: str
    aggregateversion: int
    requestid: str
    actor: str
    traceparent: NotRequired[str]
    tracestate: NotRequired[str]
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event: `user.created`, the shape of its data, and that shape's major version."""

    type: str
    data: Any
    """A TypedDict."""
    description: str
    major: int = 1

    @property
    def service(self) -> str:
        """The aggregate's service, the second token of the event's subject."""
        return self.type.partition(".")[0]

    @property
    def name(self) -> str:
        """What happened, the last token of the event's subject."""
        return self.type.partition(".")[2]

    @property
    def dataschema(self) -> str:
        """The URN that says which shape the data has."""
        return f"urn:svc-user:schema:{self.type}:{self.major}"
