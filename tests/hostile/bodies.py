"""Bodies of requests, made from the operations' own schemas, and a way to put something in them."""

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

from service.catalogue.fields import example_of
from service.operation import Operation

Path = tuple[str | int, ...]


@cache
def _schema(operation: Operation) -> Any:
    """The request's schema, with every field made a required one."""
    schema = copy.deepcopy(operation.request.model_json_schema())
    for each in (schema, *schema.get("$defs", {}).values(), *schema.get("oneOf", ())):
        if "properties" in each:
            each["required"] = list(each["properties"])
            each.pop("examples", None)
    return schema


def whole_body(operation: Operation) -> dict[str, Any]:
    """A request with every field that there is, each valid by itself."""
    body: dict[str, Any] = example_of(_schema(operation))
    return body


def strings_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all strings."""
    for at, each in _parts(value):
        yield from ((*path, at),) if isinstance(each, str) else strings_in(each, (*path, at))


def objects_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all objects, the outermost first."""
    if isinstance(value, dict):
        yield path
    for at, each in _parts(value):
        yield from objects_in(each, (*path, at))


def lists_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all lists, the outermost first."""
    if isinstance(value, list):
        yield path
    for at, each in _parts(value):
        yield from lists_in(each, (*path, at))


def replaced(body: Any, path: Path, value: Any) -> Any:
    """The body with another value at the path; what was there is left as it was."""
    if not path:
        return value
    changed = copy.copy(body)
    changed[path[0]] = replaced(body[path[0]], path[1:], value)
    return changed


def with_key(body: Any, path: Path, key: str, value: Any) -> Any:
    """The body with one more key in the object at the path."""
    if path:
        return replaced(body, path, with_key(_at(body, path), (), key, value))
    return {**body, key: value}


def dotted(path: Path) -> str:
    """The path as refusals tell it."""
    return ".".join(map(str, path))


def _at(body: Any, path: Path) -> Any:
    for part in path:
        body = body[part]
    return body


def _parts(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
