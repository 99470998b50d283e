"""An event as a consumer gets it: the envelope's attributes, and data of the type's own shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Generic, NotRequired, TypeVar

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from schemas.client.refusals import ClientError

TypeT_co = TypeVar("TypeT_co", bound=str, covariant=True)
DataT_co = TypeVar("DataT_co", covariant=True)


class UnreadableEvent(ClientError):
    """What stands in the stream is not an event that this version of the contract knows."""

    def __init__(self, subject: str, sequence: int) -> None:
        super().__init__(f"{subject}, sequence {sequence} of the stream, cannot be read")
        self.subject = subject
        self.sequence = sequence


@dataclass(frozen=True, slots=True)
class Received(Generic[TypeT_co, DataT_co]):
    """An event; its `type` tells which shape `data` has."""

    type: TypeT_co
    data: DataT_co
    id: str
    partner: str
    aggregate: str
    """The id of what changed."""
    version: int
    """The aggregate's version that this change produced, 1 for the first."""
    time: datetime
    actor: str
    """The `sub` of the token that asked for the change."""
    request_id: str
    traceparent: str | None
    sequence: int
    """Where it stands in the stream."""


class _Envelope(TypedDict):
    """What is read of a CloudEvent before its data."""

    type: str
    id: str
    subject: str
    time: datetime
    dataschema: str
    partnerid: str
    aggregateversion: int
    requestid: str
    actor: str
    traceparent: NotRequired[str]
    data: Any


_ENVELOPE = TypeAdapter(_Envelope)


def read_event(
    shapes: Mapping[str, Any], subject: str, sequence: int, body: bytes
) -> Received[Any, Any]:
    """The event in a message; `shapes` has the shape of the data for each `dataschema`.

    Raises: UnreadableEvent.
    """
    try:
        event = _ENVELOPE.validate_json(body)
        data = _adapter(shapes[event["dataschema"]]).validate_python(event["data"])
    except (ValidationError, KeyError) as error:
        raise UnreadableEvent(subject, sequence) from error
    return Received(
        type=event["type"],
        data=data,
        id=event["id"],
        partner=event["partnerid"],
        aggregate=event["subject"],
        version=event["aggregateversion"],
        time=event["time"],
        actor=event["actor"],
        request_id=event["requestid"],
        traceparent=event.get("traceparent"),
        sequence=sequence,
    )


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
