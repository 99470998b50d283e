"""A JSON Schema for every operation and event, with who may ask and what may be refused."""

from typing import Any

from pydantic import TypeAdapter

from schemas.event import Event, EventType
from service.app import OPERATIONS
from service.operation import Operation
from service.problems import COMMON, OF_TOKENS, InvalidRequest, Problem
from service.refusals import FIELD_CODES

_PLACE = "#/$defs/{model}"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REQUEST_HEADERS = {
    "Authorization": "Bearer <jwt>; or the header `token` with the JWT alone.",
    "X-Request-Id": "Letters, digits and hyphens, up to 36; made up when absent.",
    "traceparent": "W3C trace context, carried on into spans and events.",
}
_KEY_HEADER = {"Idempotency-Key": "1 to 255 visible ASCII characters; makes a repeat safe."}
_VERSION_HEADER = {"If-Match": "The version that the aggregate must still have."}


def event_types() -> list[EventType]:
    """Every kind of event, by type, once."""
    emitted = {event.type: event for operation in OPERATIONS for event in operation.emits}
    return [emitted[name] for name in sorted(emitted)]


def operation_document(operation: Operation) -> dict[str, Any]:
    """One operation: its subject, who may ask, and the schemas of what goes to and fro."""
    return {
        "$schema": _DIALECT,
        "title": operation.title,
        "description": operation.description,
        "subject": operation.subject.replace("*", "<partner_id>"),
        "kind": operation.kind,
        "scope": operation.rights,
        "tokens": sorted(operation.callers) if operation.scope != "public" else [],
        "headers": request_headers(operation),
        "idempotencyKeyRequired": operation.key_required,
        "request": operation.request.model_json_schema(),
        "reply": reply_schema(operation),
        "events": [event.type for event in operation.emits],
        "refusals": [entry for each in refusals(operation) for entry in refusal_entries(each)],
    }


def request_headers(operation: Operation) -> dict[str, str]:
    """The headers that mean something to the operation."""
    headers = dict(_REQUEST_HEADERS)
    if operation.creates is not None:
        headers |= _KEY_HEADER
    if operation.versioned:
        headers |= _VERSION_HEADER
    return headers


def reply_schema(operation: Operation, place: str = _PLACE) -> dict[str, Any]:
    """The JSON Schema of an operation's reply; `place` is where it finds what it refers to."""
    return TypeAdapter(operation.reply).json_schema(mode="serialization", ref_template=place)


def event_schema(event: EventType, place: str = _PLACE) -> dict[str, Any]:
    """The JSON Schema of an event: the envelope, and the data of this kind in it."""
    envelope = TypeAdapter(Event).json_schema(mode="serialization")
    data = TypeAdapter(event.data).json_schema(mode="serialization", ref_template=place)
    definitions = data.pop("$defs", {})
    envelope["properties"] |= {
        "type": {"const": event.type},
        "dataschema": {"const": event.dataschema},
        "data": data,
    }
    return {
        "$schema": _DIALECT,
        **envelope,
        "title": event.type,
        "description": event.description,
        **({"$defs": definitions} if definitions else {}),
    }


def refusals(operation: Operation) -> list[type[Problem]]:
    """What an operation may refuse with, by status and code."""
    of_all = set(COMMON) - (OF_TOKENS if operation.scope == "public" else set())
    return sorted({*operation.refuses, *of_all}, key=lambda each: (each.status, each.code))


def refusal_entries(problem: type[Problem]) -> list[dict[str, Any]]:
    """A refusal as the catalogue lists it: one entry for each code that it can have."""
    codes = FIELD_CODES if problem is InvalidRequest else [problem.code]
    return [{"status": problem.status, "code": code, "detail": problem.detail} for code in codes]
