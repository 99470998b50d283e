"""The AsyncAPI 3 document: requests with their replies and refusals, and events."""

from typing import Any

from pydantic import TypeAdapter

from schemas.event import CONTENT_TYPE, EventType
from schemas.problem import ProblemBody
from service import __version__
from service.app import OPERATIONS
from service.bus.discovery import DESCRIPTION, NAME
from service.bus.server import QUEUE_GROUP
from service.catalogue.documents import (
    event_schema,
    event_types,
    refusal_entries,
    refusals,
    reply_schema,
    request_headers,
)
from service.catalogue.fields import example_of
from service.operation import Operation

_SCHEMAS = "#/components/schemas/"
_REQUEST_ID = {"X-Request-Id": "The request's own, or one that was made up for it."}
_REPLY_HEADERS = _REQUEST_ID | {
    "ETag": "The version of the aggregate that the reply is about.",
    "Idempotency-Replayed": "`true` where an earlier reply is repeated.",
}
_REFUSAL_HEADERS = _REQUEST_ID | {
    "Nats-Service-Error": "Status, code and sentence, on one line.",
    "Nats-Service-Error-Code": "The status.",
    "Retry-After": "Seconds to wait; with 429 and 503.",
}
_EVENT_HEADERS = {"Nats-Msg-Id": "The event's id.", "Content-Type": CONTENT_TYPE}
_PARTNER = {"partner_id": {"description": "The partner, [A-Za-z0-9_-]{1,64}."}}
_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "In the header Authorization, or alone in the header `token`.",
}


def asyncapi() -> dict[str, Any]:
    """The whole document."""
    events = event_types()
    schemas: dict[str, Any] = {
        "Problem": TypeAdapter(ProblemBody).json_schema(ref_template=_SCHEMAS + "{model}")
    }
    _take_definitions(schemas["Problem"], schemas)
    messages = _messages(schemas, events)
    return {
        "asyncapi": "3.0.0",
        "id": f"urn:{NAME}",
        "info": {
            "title": NAME,
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
            "tags": [{"name": name} for name in _services()],
        },
        "defaultContentType": "application/json",
        "channels": {
            **{operation.title: _request_channel(operation) for operation in OPERATIONS},
            **{f"{operation.title}.reply": _reply_channel(operation) for operation in OPERATIONS},
            **{event.type: _event_channel(event) for event in events},
        },
        "operations": {
            **{operation.title: _request_operation(operation) for operation in OPERATIONS},
            **{f"emit.{event.type}": _event_operation(event) for event in events},
        },
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "messages": messages,
            "securitySchemes": {"token": _TOKEN},
        },
    }


def _services() -> list[str]:
    return list(dict.fromkeys(operation.service for operation in OPERATIONS))


def _messages(schemas: dict[str, Any], events: list[EventType]) -> dict[str, Any]:
    """Every message; the models that it is made of are put among the schemas."""
    messages: dict[str, Any] = {}
    for operation in OPERATIONS:
        request = operation.request.model_json_schema(ref_template=_SCHEMAS + "{model}")
        reply = reply_schema(operation, _SCHEMAS + "{model}")
        example = example_of(operation.request.model_json_schema())
        messages[f"{operation.title}.request"] = {
            "name": f"{operation.title}.request",
            "title": operation.request.__name__,
            "headers": _named(*_request_headers(operation), schemas),
            "payload": _named(operation.request.__name__, request, schemas),
            "examples": [{"payload": example}],
        }
        messages[f"{operation.title}.reply"] = {
            "name": f"{operation.title}.reply",
            "title": operation.reply.__name__,
            "headers": _named("ReplyHeaders", _headers(_REPLY_HEADERS), schemas),
            "payload": _named(operation.reply.__name__, reply, schemas),
        }
        messages[f"{operation.title}.refusal"] = {
            **_refusal(operation),
            "headers": _named("RefusalHeaders", _headers(_REFUSAL_HEADERS), schemas),
        }
    for event in events:
        schema = event_schema(event, _SCHEMAS + "{model}")
        del schema["$schema"]
        _take_definitions(schema, schemas)
        messages[f"event.{event.type}"] = {
            "name": event.type,
            "title": event.type,
            "summary": event.description,
            "contentType": CONTENT_TYPE,
            "headers": _named("EventHeaders", _headers(_EVENT_HEADERS), schemas),
            "payload": schema,
        }
    return messages


def _refusal(operation: Operation) -> dict[str, Any]:
    """The refusal of an operation: the common body, with the codes that this one has."""
    entries = [entry for each in refusals(operation) for entry in refusal_entries(each)]
    codes = sorted({entry["code"] for entry in entries})
    statuses = sorted({entry["status"] for entry in entries})
    properties = {
        "status": {"enum": statuses},
        "errors": {"items": {"type": "object", "properties": {"code": {"enum": codes}}}},
    }
    return {
        "name": f"{operation.title}.refusal",
        "title": "Refusal",
        "payload": {
            "allOf": [
                {"$ref": f"{_SCHEMAS}Problem"},
                {"type": "object", "properties": properties},
            ]
        },
        "x-refusals": [f"{entry['status']} {entry['code']}" for entry in entries],
    }


def _request_headers(operation: Operation) -> tuple[str, dict[str, Any]]:
    """The headers of a request, under a name that says which of the optional ones are there."""
    name = "RequestHeaders"
    if operation.creates is not None:
        name = "CreateHeaders"
    elif operation.versioned:
        name = "ChangeHeaders"
    return name, _headers(request_headers(operation))


def _named(name: str, schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, str]:
    """A reference to the schema, which is put among the schemas with all that it refers to."""
    _take_definitions(schema, schemas)
    _put(name, schema, schemas)
    return {"$ref": _SCHEMAS + name}


def _take_definitions(schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    for name, definition in schema.pop("$defs", {}).items():
        _put(name, definition, schemas)


def _put(name: str, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    if schemas.setdefault(name, schema) != schema:
        raise ValueError(f"two different models are called {name}: give one of them another name")


def _request_channel(operation: Operation) -> dict[str, Any]:
    return {
        "address": operation.subject.replace("*", "{partner_id}"),
        "title": operation.title,
        "parameters": _PARTNER,
        "messages": {"request": _message(f"{operation.title}.request")},
    }


def _reply_channel(operation: Operation) -> dict[str, Any]:
    return {
        "address": None,
        "title": f"{operation.title}: reply",
        "description": "The reply subject of the request.",
        "messages": {kind: _message(f"{operation.title}.{kind}") for kind in ("reply", "refusal")},
    }


def _event_channel(event: EventType) -> dict[str, Any]:
    return {
        "address": f"evt.{event.service}.{{partner_id}}.{{aggregate_id}}.{event.name}",
        "title": event.type,
        "parameters": {
            **_PARTNER,
            "aggregate_id": {"description": "The id of what changed."},
        },
        "messages": {"event": _message(f"event.{event.type}")},
    }


def _request_operation(operation: Operation) -> dict[str, Any]:
    replies = f"#/channels/{operation.title}.reply"
    return {
        "action": "receive",
        "title": operation.title,
        "summary": operation.description.partition("\n")[0],
        "description": operation.description,
        "tags": [{"name": operation.service}],
        "channel": {"$ref": f"#/channels/{operation.title}"},
        "messages": [{"$ref": f"#/channels/{operation.title}/messages/request"}],
        **({} if operation.scope == "public" else {"security": [_security()]}),
        "reply": {
            "channel": {"$ref": replies},
            "messages": [
                {"$ref": f"{replies}/messages/reply"},
                {"$ref": f"{replies}/messages/refusal"},
            ],
        },
        "bindings": {"nats": {"queue": QUEUE_GROUP, "bindingVersion": "0.1.0"}},
        "x-scope": operation.rights,
        "x-tokens": sorted(operation.callers) if operation.scope != "public" else [],
        "x-events": [event.type for event in operation.emits],
    }


def _event_operation(event: EventType) -> dict[str, Any]:
    return {
        "action": "send",
        "title": f"emit {event.type}",
        "summary": event.description,
        "tags": [{"name": event.service}],
        "channel": {"$ref": f"#/channels/{event.type}"},
        "messages": [{"$ref": f"#/channels/{event.type}/messages/event"}],
    }


def _security() -> dict[str, str]:
    return {"$ref": "#/components/securitySchemes/token"}


def _message(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/messages/{name}"}


def _headers(headers: dict[str, str]) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": text} for name, text in headers.items()}
    return {"type": "object", "properties": properties}
