"""The generated part of the typed client: methods, refusals by code, and events."""

import subprocess
import textwrap
from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, get_origin

from jinja2 import Environment, PackageLoader, StrictUndefined
from typing_extensions import is_typeddict

from schemas.base import Empty, PageRequest
from service.app import OPERATIONS
from service.catalogue.documents import event_types, refusals
from service.operation import Operation
from service.problems import InvalidRequest, Problem
from service.refusals import FIELD_CODES

_WIDTH = 94
_OPTIONS = {
    "BY_KEY": "idempotency_key: str | None = None",
    "BY_VERSION": "if_match: int | None = None",
}


def client_files() -> dict[str, str]:
    """The generated modules, by their path within `schemas/client`."""
    return {
        name: _formatted(_ENVIRONMENT.get_template(f"{name}.jinja").render(values))
        for name, values in {
            "services.py": _services(),
            "codes.py": _codes(),
            "known_events.py": _events(),
        }.items()
    }


def method(operation: Operation) -> dict[str, Any]:
    """What the template needs to know of an operation."""
    request, repeat, item = operation.request.__name__, _repeat(operation), _item(operation)
    schema = operation.request.model_json_schema()
    optional = not {"required", "oneOf", "examples"} & schema.keys()
    option = _OPTIONS.get(repeat)
    name = option.partition(":")[0] if option else ""
    if operation.request is Empty:
        parameter, argument = "", "Empty()"
    elif optional:
        parameter = f", request: {request} | None = None"
        argument = f"{request}() if request is None else request"
    else:
        parameter, argument = f", request: {request}", "request"
    return {
        "service": operation.service,
        "name": operation.name,
        "constant": operation.title.replace(".", "_").upper(),
        "request": request,
        "reply": operation.reply.__name__,
        "repeat": repeat,
        "public": operation.scope == "public",
        "parameter": parameter,
        "argument": argument,
        "options_declared": f", {option}" if option else "",
        "options_passed": f", {name}={name}" if option else "",
        "description": operation.description + _told(operation),
        "item": item[1].__name__ if item else None,
        "records": item[0] if item else None,
    }


def _repeat(operation: Operation) -> str:
    if operation.kind == "query":
        return "ALWAYS"
    if operation.creates is not None:
        return "BY_KEY"
    return "BY_VERSION" if operation.versioned else "NEVER"


def _item(operation: Operation) -> tuple[str, Any] | None:
    """The field of a page that has its records, and what a record is."""
    if not issubclass(operation.request, PageRequest):
        return None
    lists = {
        name: shape.__args__[0]
        for name, shape in operation.reply.__annotations__.items()
        if get_origin(shape) is list
    }
    # Besides its records an export lists the names of its sections.
    [(name, record)] = [each for each in lists.items() if is_typeddict(each[1])]
    return name, record


def _told(operation: Operation) -> str:
    """The codes that are not every operation's, as an end of the docstring."""
    codes = sorted({problem.code for problem in operation.refuses} - set(FIELD_CODES))
    return "\n\nRefuses: " + ", ".join(codes) + "." if codes else ""


def _services() -> dict[str, Any]:
    methods = [method(operation) for operation in OPERATIONS]
    services: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in methods:
        services[each["service"]].append(each)
    shapes = [shape for each in OPERATIONS for shape in (each.request, each.reply)]
    items = [item[1] for each in OPERATIONS if (item := _item(each))]
    return {
        "imports": _imports([*shapes, *items]),
        "operations": methods,
        "services": list(services.items()),
    }


def _codes() -> dict[str, Any]:
    problems: dict[str, type[Problem]] = {}
    for operation in OPERATIONS:
        for problem in refusals(operation):
            problems.setdefault(problem.code, problem)
    codes = [
        {
            "code": code,
            "name": _camel(code.lower()),
            "base": HTTPStatus(problem.status).phrase.title().replace(" ", ""),
            "doc": problem.detail,
        }
        for code, problem in sorted(problems.items())
        if code not in FIELD_CODES and problem is not InvalidRequest
    ]
    return {"codes": codes, "bases": sorted({each["base"] for each in codes})}


def _events() -> dict[str, Any]:
    events = [
        {
            "type": event.type,
            "name": _camel(event.type.replace(".", "_")) + "Event",
            "data": event.data.__name__,
            "dataschema": event.dataschema,
            "description": event.description,
        }
        for event in event_types()
    ]
    return {"events": events, "imports": _imports(event.data for event in event_types())}


def _imports(shapes: Iterable[Any]) -> list[tuple[str, list[str]]]:
    names: dict[str, set[str]] = defaultdict(set)
    for shape in shapes:
        names[shape.__module__].add(shape.__name__)
    return [(module, sorted(each)) for module, each in sorted(names.items())]


def _wrapped(text: str, indent: int) -> str:
    """The text of a docstring, broken into lines that are short enough."""
    paragraphs = (" ".join(each.split()) for each in text.split("\n\n"))
    filled = (textwrap.fill(each, _WIDTH - indent) for each in paragraphs)
    return textwrap.indent("\n\n".join(filled), " " * indent).lstrip()


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _formatted(code: str) -> str:
    """The code as the formatter wants it, which is only there for who develops."""
    from ruff import find_ruff_bin  # type: ignore[import-untyped]  # noqa: PLC0415

    for arguments in (["check", "--fix-only", "--select", "I", "--quiet"], ["format"]):
        done = subprocess.run(
            [find_ruff_bin(), *arguments, "--stdin-filename", "schemas/client/generated.py", "-"],
            input=code,
            capture_output=True,
            text=True,
            check=True,
        )
        code = done.stdout
    return code


_ENVIRONMENT = Environment(
    loader=PackageLoader("service.catalogue"),
    autoescape=False,  # noqa: S701  # what is written is Python
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)
_ENVIRONMENT.filters |= {"camel": _camel, "wrapped": _wrapped}
