"""The catalogue: a JSON Schema for every operation and event, and one AsyncAPI document of all.

python -m service.catalogue           write schemas/catalogue/
python -m service.catalogue --check   exit 1 if what is there is not what would be written
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from schemas.event import CONTENT_TYPE, Event, EventType
from schemas.problem import ProblemBody
from service import __version__
from service.app import OPERATIONS
from service.bus.discovery import DESCRIPTION, NAME
from service.bus.server import QUEUE_GROUP
from service.operation import Operation
from service.problems import COMMON, InvalidRequest, Problem
from service.refusals import FIELD_CODES

FOLDER = Path(__file__).parent.parent / "schemas" / "catalogue"

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


def documents() -> dict[str, Any]:
    """What the folder holds, by path within it."""
    files: dict[str, Any] = {"asyncapi.json": asyncapi()}
    for operation in OPERATIONS:
        files[f"operations/{operation.title}.json"] = operation_document(operation)
    for event in event_types():
        files[f"events/{event.type}.json"] = event_schema(event)
    return files


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


def reply_schema(operation: Operation) -> dict[str, Any]:
    """The JSON Schema of an operation's reply."""
    return TypeAdapter(operation.reply).json_schema(mode="serialization")


def event_schema(event: EventType) -> dict[str, Any]:
    """The JSON Schema of an event: the envelope, and the data of this kind in it."""
    envelope = TypeAdapter(Event).json_schema(mode="serialization")
    data = TypeAdapter(event.data).json_schema(mode="serialization")
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
    return sorted({*operation.refuses, *COMMON}, key=lambda each: (each.status, each.code))


def refusal_entries(problem: type[Problem]) -> list[dict[str, Any]]:
    """A refusal as the catalogue lists it: one entry for each code that it can have."""
    codes = FIELD_CODES if problem is InvalidRequest else [problem.code]
    return [{"status": problem.status, "code": code, "detail": problem.detail} for code in codes]


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: requests with their replies, and events."""
    events = event_types()
    return {
        "asyncapi": "3.0.0",
        "info": {"title": NAME, "version": __version__, "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {
            **{operation.title: _request_channel(operation) for operation in OPERATIONS},
            "reply": {"address": None, "messages": _replies()},
            **{event.type: _event_channel(event) for event in events},
        },
        "operations": {
            **{operation.title: _request_operation(operation) for operation in OPERATIONS},
            **{f"emit.{event.type}": _event_operation(event) for event in events},
        },
        "components": {"schemas": {"Problem": TypeAdapter(ProblemBody).json_schema()}},
    }


def _request_channel(operation: Operation) -> dict[str, Any]:
    return {
        "address": operation.subject.replace("*", "{partner_id}"),
        "parameters": {"partner_id": {"description": "The partner, [A-Za-z0-9_-]{1,64}."}},
        "messages": {
            "request": {
                "name": operation.request.__name__,
                "headers": _headers_schema(request_headers(operation)),
                "payload": operation.request.model_json_schema(
                    ref_template=f"#/channels/{operation.title}/messages/request/payload/$defs/"
                    "{model}"
                ),
            }
        },
        "bindings": {"nats": {"queue": QUEUE_GROUP}},
    }


def _replies() -> dict[str, Any]:
    messages: dict[str, Any] = {
        operation.title: {
            "name": f"{operation.title} reply",
            "payload": _placed(
                reply_schema(operation), f"channels/reply/messages/{operation.title}"
            ),
        }
        for operation in OPERATIONS
    }
    messages["problem"] = {
        "name": "refusal",
        "payload": {"$ref": "#/components/schemas/Problem"},
    }
    return messages


def _event_channel(event: EventType) -> dict[str, Any]:
    schema = _placed(event_schema(event), f"channels/{event.type}/messages/event")
    del schema["$schema"]
    return {
        "address": f"evt.{event.service}.{{partner_id}}.{{aggregate_id}}.{event.name}",
        "parameters": {
            "partner_id": {"description": "The partner."},
            "aggregate_id": {"description": "The id of what changed."},
        },
        "messages": {"event": {"name": event.type, "contentType": CONTENT_TYPE, "payload": schema}},
    }


def _request_operation(operation: Operation) -> dict[str, Any]:
    return {
        "action": "receive",
        "summary": operation.description.partition("\n")[0],
        "channel": {"$ref": f"#/channels/{operation.title}"},
        "messages": [{"$ref": f"#/channels/{operation.title}/messages/request"}],
        "reply": {
            "channel": {"$ref": "#/channels/reply"},
            "messages": [
                {"$ref": f"#/channels/reply/messages/{operation.title}"},
                {"$ref": "#/channels/reply/messages/problem"},
            ],
        },
    }


def _event_operation(event: EventType) -> dict[str, Any]:
    return {
        "action": "send",
        "summary": event.description,
        "channel": {"$ref": f"#/channels/{event.type}"},
        "messages": [{"$ref": f"#/channels/{event.type}/messages/event"}],
    }


def _headers_schema(headers: Mapping[str, str]) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": text} for name, text in headers.items()}
    return {"type": "object", "properties": properties}


def _placed(schema: dict[str, Any], place: str) -> dict[str, Any]:
    """The schema with its references pointing to where it stands in the document."""
    text = json.dumps(schema).replace('"#/$defs/', f'"#/{place}/payload/$defs/')
    placed: dict[str, Any] = json.loads(text)
    return placed


def write(folder: Path = FOLDER) -> None:
    """Write the catalogue, and delete what is no longer part of it."""
    texts = _texts()
    for path in _existing(folder):
        if str(path.relative_to(folder)) not in texts:
            path.unlink()
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def out_of_step(folder: Path = FOLDER) -> list[str]:
    """The files that are missing, different, or should not be there."""
    texts = _texts()
    there = {str(path.relative_to(folder)): path.read_text() for path in _existing(folder)}
    return sorted(
        name for name in texts.keys() | there.keys() if texts.get(name) != there.get(name)
    )


def _texts() -> dict[str, str]:
    return {
        name: json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for name, document in documents().items()
    }


def _existing(folder: Path) -> Iterable[Path]:
    return folder.rglob("*.json") if folder.exists() else ()


def main(arguments: list[str]) -> int:
    """Write the catalogue or check it; the exit status."""
    if arguments != ["--check"]:
        write()
        return 0
    wrong = out_of_step()
    if wrong:
        sys.stderr.write(
            f"schemas/catalogue is out of step ({', '.join(wrong[:5])}); run `make schemas`.\n"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
