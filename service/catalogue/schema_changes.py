"""How two JSON Schemas differ: what the one lets through and the other does not.

Only what pydantic writes is understood, and that fully. Where the schemas say the same in another
way that is not seen through, a difference is told: too much, never too little.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from service.catalogue.keywords import ANNOTATIONS

Schema = Mapping[str, Any]
Kind = Literal["field", "required", "value", "bound", "form", "default"]

_LEAST = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
_MOST = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
_ALIKE = ("pattern", "format", "uniqueItems")
_ALTERNATIVES = ("anyOf", "oneOf")
_UNDERSTOOD = ANNOTATIONS | {
    *(*_LEAST, *_MOST, *_ALIKE, "multipleOf", "type", "const", "enum"),
    *("items", "prefixItems"),
    *("properties", "required", "additionalProperties", "propertyNames"),
}
_OF_TEXTS = {"minLength", "maxLength", "pattern"}
_OF_NUMBERS = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"}
_KINDS = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "NoneType": "null",
    "list": "array",
    "dict": "object",
}
"""JSON's words for the values that Python reads from it."""


@dataclass(frozen=True, slots=True, order=True)
class Escape:
    """Something that the inner schema lets through and the outer one does not.

    A `field` is one that the outer schema does not know; `default` is another value for who leaves
    the field out, which is an escape both ways.
    """

    path: str
    kind: Kind
    what: str


class Comparison:
    """Of two documents' schemas: is everything that is valid in the inner valid in the outer?"""

    def __init__(self, inner: Schema, outer: Schema) -> None:
        self._inner, self._outer = inner, outer
        self._under_way: set[tuple[str, str]] = set()

    def escapes(self) -> list[Escape]:
        """All that is not, each once."""
        return sorted(set(self._compared(self._inner, self._outer, "")))

    def _compared(self, inner: Schema, outer: Schema, path: str) -> Iterator[Escape]:
        names = inner.get("$ref", ""), outer.get("$ref", "")
        if all(names):
            if names in self._under_way:
                return  # a model within itself: what is to be told of it is told where it began
            self._under_way.add(names)
        try:
            yield from self._of_forms(_forms(inner, self._inner), _forms(outer, self._outer), path)
        finally:
            self._under_way.discard(names)

    def _of_forms(self, inner: list[Schema], outer: list[Schema], path: str) -> Iterator[Escape]:
        """Each form of the inner must fit into one of the outer: into the one that it fits best."""
        for form in inner:
            tried = [list(self._of_form(form, other, path)) for other in outer]
            if not any(not escapes for escapes in tried):
                yield from self._nearest(form, outer, tried, path)

    def _nearest(
        self, form: Schema, outer: list[Schema], tried: list[list[Escape]], path: str
    ) -> list[Escape]:
        """What keeps a form from being the one of the outer that it is likely to have become."""
        both = list(zip(outer, tried, strict=True))
        of_its_kind = [(other, found) for other, found in both if _kind(other) == _kind(form)]
        same = [found for other, found in of_its_kind if _tag(other) == _tag(form)]
        near = same or [found for _, found in of_its_kind]
        return min(near, key=len) if near else [Escape(path, "value", _name(form))]

    def _of_form(self, inner: Schema, outer: Schema, path: str) -> Iterator[Escape]:
        values, allowed = _values(inner), _values(outer)
        if values is not None:
            for value in values:
                if not _is_valid(value, outer):
                    yield Escape(path, "value", str(value))
            return
        if allowed is not None or not _type_fits(inner, outer):
            yield Escape(path, "value", _name(inner))
            return
        yield from _bounds(inner, outer, path)
        yield from self._not_understood(inner, outer, path)
        if "items" in outer or "prefixItems" in outer:
            yield from self._of_items(inner, outer, path)
        if inner.get("type", "object") == "object":
            yield from self._of_object(inner, outer, path)

    def _not_understood(self, inner: Schema, outer: Schema, path: str) -> Iterator[Escape]:
        """Words that may mean anything: they must be the same, and so what they refer to."""
        same_models = self._inner.get("$defs") == self._outer.get("$defs")
        for word in (inner.keys() | outer.keys()) - _UNDERSTOOD:
            mine, other = inner.get(word), outer.get(word)
            if mine != other or not (same_models or "$ref" not in json.dumps(mine)):
                yield Escape(path, "bound", f"{word} is another")

    def _of_items(self, inner: Schema, outer: Schema, path: str) -> Iterator[Escape]:
        mine, other = inner.get("prefixItems", ()), outer.get("prefixItems", ())
        placed = max(len(mine), len(other))
        most = inner.get("maxItems", placed + 1)
        for place in range(min(placed, most)):
            yield from self._compared(_item(inner, place), _item(outer, place), f"{path}[{place}]")
        if most > placed:
            yield from self._compared(_item(inner, placed), _item(outer, placed), f"{path}[]")

    def _of_object(self, inner: Schema, outer: Schema, path: str) -> Iterator[Escape]:
        here, there = inner.get("properties", {}), outer.get("properties", {})
        for name in here.keys() - there.keys():
            yield Escape(_joined(path, name), "field", name)
        always = set(inner.get("required", ()))
        for name in set(outer.get("required", ())) - always:
            yield Escape(_joined(path, name), "required", name)
        for name in here.keys() & there.keys():
            yield from self._compared(here[name], there[name], _joined(path, name))
            mine, other = here[name].get("default"), there[name].get("default")
            if mine != other and name not in always:
                yield Escape(_joined(path, name), "default", f"{mine!r} or {other!r}")
        yield from self._of_others(inner, outer, path)
        if "propertyNames" in outer:
            yield from self._of_names(inner, outer["propertyNames"], path)

    def _of_others(self, inner: Schema, outer: Schema, path: str) -> Iterator[Escape]:
        """What an object may have besides its properties."""
        mine = inner.get("additionalProperties", True)
        other = outer.get("additionalProperties", True)
        if isinstance(mine, Mapping):
            there = outer.get("properties", {})
            for name in there.keys() - inner.get("properties", {}).keys():
                yield from self._compared(mine, there[name], _joined(path, name))
        if other is True or mine is False:
            return
        if other is False or mine is True:
            yield Escape(path, "form", "further fields")
        else:
            yield from self._compared(mine, other, _joined(path, "*"))

    def _of_names(self, inner: Schema, outer: Schema, path: str) -> Iterator[Escape]:
        """What an object may call its fields."""
        for name in inner.get("properties", {}):
            yield from self._compared({"const": name}, outer, _joined(path, name))
        if inner.get("additionalProperties", True) is not False:
            names = inner.get("propertyNames", {"type": "string"})
            yield from self._compared(names, outer, _joined(path, "(name)"))


def _forms(schema: Schema, root: Schema) -> list[Schema]:
    """The alternatives of a schema, each whole, with no reference on its outside."""
    while "$ref" in schema:
        target = root.get("$defs", {})[schema["$ref"].rpartition("/")[2]]
        schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
    for word in _ALTERNATIVES:
        if word in schema:
            rest = {k: v for k, v in schema.items() if k != word}
            return [form for option in schema[word] for form in _forms({**rest, **option}, root)]
    types = schema.get("type")
    if isinstance(types, list):
        return [{**schema, "type": each} for each in types]
    return [schema]


def _item(schema: Schema, place: int) -> Schema:
    """What an array may have in this place."""
    placed: list[Schema] = schema.get("prefixItems", [])
    others: Schema = schema.get("items", {})
    return placed[place] if place < len(placed) else others


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    return values


def _kind(schema: Schema) -> str:
    values = _values(schema)
    if values:
        return _KINDS[type(values[0]).__name__]
    return str(schema.get("type", "any"))


def _tag(schema: Schema) -> Any:
    """What tells the forms of an object apart, where they have such a field."""
    tags = {
        name: each["const"]
        for name, each in schema.get("properties", {}).items()
        if "const" in each
    }
    return sorted(tags.items())


def _is_valid(value: Any, schema: Schema) -> bool:
    """Whether a schema without references lets the value through; no, where that is not seen."""
    kind, allowed = _KINDS[type(value).__name__], _values(schema)
    # As JSON: in Python `True` is 1.
    if allowed is not None and json.dumps(value) not in map(json.dumps, allowed):
        return False
    if not _type_fits({"type": kind}, schema):
        return False
    words = schema.keys() - ANNOTATIONS - {"type", "const", "enum"}
    if kind == "string" and words <= _OF_TEXTS:
        return _fits_as_text(value, schema)
    if kind in {"integer", "number"} and words <= _OF_NUMBERS:
        return _fits_as_number(value, schema)
    return not words


def _fits_as_text(value: str, schema: Schema) -> bool:
    try:
        found = re.search(schema.get("pattern", ""), value)
    except re.error:
        return False
    fits = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf)
    return fits and found is not None


def _fits_as_number(value: float, schema: Schema) -> bool:
    within = schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
    above = schema.get("exclusiveMinimum", -math.inf) < value
    below = value < schema.get("exclusiveMaximum", math.inf)
    in_steps = "multipleOf" not in schema or value % schema["multipleOf"] == 0
    return bool(within and above and below and in_steps)


def _type_fits(inner: Schema, outer: Schema) -> bool:
    mine, other = inner.get("type"), outer.get("type")
    return other is None or mine == other or (mine, other) == ("integer", "number")


def _bounds(inner: Schema, outer: Schema, path: str) -> Iterator[Escape]:
    for word in _LEAST:
        if word in outer and (word not in inner or inner[word] < outer[word]):
            yield Escape(path, "bound", f"{word} {inner.get(word, 'none')} or {outer[word]}")
    for word in _MOST:
        if word in outer and (word not in inner or inner[word] > outer[word]):
            yield Escape(path, "bound", f"{word} {inner.get(word, 'none')} or {outer[word]}")
    for word in _ALIKE:
        if word in outer and inner.get(word) != outer[word]:
            yield Escape(path, "bound", f"{word} {inner.get(word, 'none')} or {outer[word]}")
    word = "multipleOf"
    if word in outer and (word not in inner or inner[word] % outer[word]):
        yield Escape(path, "bound", f"{word} {inner.get(word, 'none')} or {outer[word]}")


def _name(schema: Schema) -> str:
    """A form in a word or two."""
    values = _values(schema)
    if values is not None:
        return " | ".join(map(str, values))
    return str(schema.get("format") or schema.get("type") or "anything")


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
