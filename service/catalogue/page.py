"""The catalogue as one HTML page that needs nothing else: no network, no second file."""

import json
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from service import __version__
from service.app import OPERATIONS
from service.bus.discovery import DESCRIPTION, NAME
from service.catalogue.documents import event_schema, event_types, operation_document
from service.catalogue.fields import example_of, fields_of
from service.operation import Operation

_TOKEN = "Authorization: Bearer $TOKEN"  # noqa: S105  # a variable of the shell
_ENVELOPE = {
    "specversion": "1.0",
    "id": "0199f6a4-5b2d-7a90-8c1e-6f5d4c3b2a19",
    "source": NAME,
    "subject": "0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d",
    "time": "2026-01-15T09:30:00.125Z",
    "datacontenttype": "application/json",
    "partnerid": "acme",
    "aggregateversion": 1,
    "requestid": "6b1f4e0a-3c55-4f6e-9d8e-0a4b7c2d1e3f",
    "actor": "checkout",
}


def page() -> str:
    """The whole page."""
    operations = [_operation(each) for each in OPERATIONS]
    services: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in operations:
        services[each["service"]].append(each)
    return _ENVIRONMENT.get_template("page.html.jinja").render(
        name=NAME,
        version=__version__,
        description=DESCRIPTION,
        services=services,
        events=_events(),
        codes=_codes(operations),
        operations=len(operations),
    )


def _operation(operation: Operation) -> dict[str, Any]:
    document = operation_document(operation)
    example = example_of(document["request"])
    body = json.dumps(example, ensure_ascii=False)
    fields, replied = fields_of(document["request"]), fields_of(document["reply"])
    refusals = document["refusals"]
    return {
        **document,
        "service": operation.service,
        "name": operation.name,
        "summary": operation.description.partition("\n")[0],
        "rest": operation.description.partition("\n")[2].strip(),
        "fields": fields,
        "replied": replied,
        "example": _json(example),
        "answer": _json(example_of(document["reply"])),
        "nats": _nats(operation, body),
        "python": _python(operation, example),
        "search": _search(
            [document["title"], document["scope"], document["description"], *document["events"]],
            (field.path for field in (*fields, *replied)),
            (each["code"] for each in refusals),
        ),
    }


def _nats(operation: Operation, body: str) -> str:
    """The request by the nats CLI."""
    headers = [] if operation.scope == "public" else [_TOKEN]
    if operation.creates is not None:
        headers.append("Idempotency-Key: $(uuidgen)")
    options = "".join(f' \\\n  -H "{header}"' for header in headers)
    subject = operation.subject.replace("*", "acme")
    return f"nats request{options} \\\n  {subject} \\\n  {shlex.quote(body)}"


def _python(operation: Operation, example: Mapping[str, Any]) -> str:
    """The request by the typed client."""
    call = f"await client.{operation.service}.{operation.name}"
    if not example:
        return f"{call}()"
    fields = "".join(f"    {name}={value!r},\n" for name, value in example.items())
    return f"{call}({operation.request.__name__}(\n{fields}))"


def _events() -> list[dict[str, Any]]:
    senders: dict[str, list[str]] = defaultdict(list)
    for operation in OPERATIONS:
        for event in operation.emits:
            senders[event.type].append(operation.title)
    found = []
    for event in event_types():
        schema = event_schema(event)
        data = {**schema["properties"]["data"], "$defs": schema.get("$defs", {})}
        known = {"type": event.type, "dataschema": event.dataschema, "data": example_of(data)}
        fields = fields_of(data)
        found.append(
            {
                "type": event.type,
                "description": event.description,
                "subject": f"evt.{event.service}.<partner_id>.<aggregate_id>.{event.name}",
                "dataschema": event.dataschema,
                "fields": fields,
                "example": _json({**_ENVELOPE, **known}),
                "senders": senders[event.type],
                "nats": f"nats subscribe 'evt.{event.service}.acme.*.{event.name}'",
                "search": _search(
                    [event.type, event.description, *senders[event.type]],
                    (field.path for field in fields),
                ),
            }
        )
    return found


def _codes(operations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each code, with what it says and who may say it."""
    codes: dict[tuple[int, str], dict[str, Any]] = {}
    for operation in operations:
        for each in operation["refusals"]:
            found = codes.setdefault(
                (each["status"], each["code"]), {**each, "details": {}, "operations": []}
            )
            found["details"][each["detail"]] = None
            if operation["title"] not in found["operations"]:
                found["operations"].append(operation["title"])
    return [codes[key] for key in sorted(codes)]


def _search(*words: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(word.lower() for group in words for word in group))


def _json(value: Any) -> Markup:
    """JSON with its names, texts and numbers marked for colour."""
    lines = json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    return Markup("\n").join(map(_coloured, lines))


def _coloured(line: str) -> Markup:
    text = line.lstrip()
    indent = line[: len(line) - len(text)]
    name, colon, rest = text.partition(": ") if text.startswith('"') else ("", "", text)
    if not colon:
        name, rest = "", text
    shown = Markup("<i>{}</i>: ").format(name) if name else Markup()
    value = rest.rstrip(",")
    if value in {"{", "}", "[", "]", "{}", "[]"}:
        return indent + shown + escape(rest)
    return indent + shown + Markup("<b>{}</b>").format(value) + rest[len(value) :]


def _code(text: str) -> Markup:
    """A description, its `code` marked as such."""
    parts = str(text).split("`")
    marked = (Markup("<code>{}</code>") if n % 2 else Markup("{}") for n in range(len(parts)))
    return Markup("").join(each.format(part) for each, part in zip(marked, parts, strict=True))


_ENVIRONMENT = Environment(
    loader=PackageLoader("service.catalogue"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
_ENVIRONMENT.filters["code"] = _code
