"""A request's fields for people to read, and an example of it, both from its JSON Schema."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

A_UUID = "0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d"
_BY_FORMAT = {
    "uuid": A_UUID,
    "email": "ann.example@example.com",
    "date": "1990-05-17",
    "date-time": "2020-01-15T00:00:00Z",
    "uri": "https://example.com/ann.png",
}
_BY_NAME = {
    "category": "CLAIMS",
    "changed": "email",
    "city": "Johannesburg",
    "country": "ZAF",
    "countryCode": "ZA",
    "date_of_birth": "1990-05-17",
    "email": "ann.example@example.com",
    "first_name": "Ann",
    "gender": "F",
    "id_number": "9001015800084",
    "last_name": "Example",
    "name": "Ann Example",
    "notification_preference_type": "CLAIM_CONFIRMATION",
    "permit_number": "P-1042",
    "phone_number": "+27115550100",
    "registration_number": "1999/042",
    "residency": "South Africa",
    "title": "Ms",
    "trading_name": "Acme",
}
"""What reads like the field, where the schema alone would allow any string."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a request: its dotted path, and what it has to be."""

    path: str
    required: bool
    rule: str
    description: str


def fields_of(schema: Schema) -> list[Field]:
    """Every field of a request, those of an inner object after it."""
    return list(_fields(schema, schema.get("$defs", {}), ""))


def example_of(schema: Schema) -> Any:
    """A request, or a reply, in which every field that is required is there, and valid.

    Of several forms that a request may have, it is in the first.
    """
    if "examples" in schema:  # where the fields that are required do not make a valid one
        return schema["examples"][0]
    definitions = schema.get("$defs", {})
    return _object(_forms(schema, definitions)[0], definitions)


def _fields(schema: Schema, definitions: Schema, prefix: str) -> Iterator[Field]:
    for form in _forms(schema, definitions):
        yield from _fields_of_form(form, definitions, prefix)


def _forms(schema: Schema, definitions: Schema) -> list[Schema]:
    """The forms that a request may have: mostly the one."""
    return [_resolved(form, definitions)[0] for form in schema.get("oneOf", (schema,))]


def _fields_of_form(schema: Schema, definitions: Schema, prefix: str) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, declared in schema.get("properties", {}).items():
        field, nullable = _resolved(declared, definitions)
        rule = _rule(field, definitions) + (" or null" if nullable else "")
        description = declared.get("description", "")
        yield Field(prefix + name, name in required, rule, description)
        inner, _ = _resolved(field.get("items", field), definitions)
        yield from _fields(inner, definitions, f"{prefix}{name}.")


def _resolved(schema: Schema, definitions: Schema) -> tuple[Schema, bool]:
    """What the schema refers to, and whether null may stand in its place."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    nullable = 0 < len(options) < len(schema.get("anyOf", ()))
    if nullable:
        schema = options[0]
    reference = schema.get("$ref", "")
    return definitions.get(reference.rpartition("/")[2], schema), nullable


def _rule(schema: Schema, definitions: Schema) -> str:
    if "enum" in schema or "const" in schema:
        return " | ".join(str(value) for value in schema.get("enum", (schema.get("const"),)))
    formats = _formats(schema)
    if formats:
        return " or ".join(formats)
    if "anyOf" in schema and "type" not in schema:
        options = [_resolved(each, definitions)[0] for each in schema["anyOf"]]
        return " or ".join(dict.fromkeys(_rule(each, definitions) for each in options))
    kind = str(schema.get("type", "any"))
    if kind == "array":
        item, _ = _resolved(schema.get("items", {}), definitions)
        return f"list of {_rule(item, definitions)}"
    if "pattern" in schema:
        return f"{kind}, {schema['pattern']}"
    bounds = _bounds(schema)
    return f"{kind}, {bounds}" if bounds else kind


def _formats(schema: Schema) -> list[str]:
    schemas = [schema, *schema.get("anyOf", ())]
    return [each["format"] for each in schemas if "format" in each]


def _bounds(schema: Schema) -> str:
    for low, high, unit in (("minLength", "maxLength", " characters"), ("minimum", "maximum", "")):
        least, most = schema.get(low), schema.get(high)
        if least is not None and most is not None:
            return f"{least} to {most}{unit}"
        if least is not None:
            return f"at least {least}{unit}"
        if most is not None:
            return f"at most {most}{unit}"
    return ""


def _object(schema: Schema, definitions: Schema) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {
        name: _value(name, _resolved(properties[name], definitions)[0], definitions)
        for name in schema.get("required", ())
    }


def _value(name: str, schema: Schema, definitions: Schema) -> Any:
    match schema:
        case {"examples": [first, *_]} | {"enum": [first, *_]} | {"const": first}:
            return first
        case {"type": "object"}:
            return _object(schema, definitions)
        case {"type": "array"}:
            item, _ = _resolved(schema.get("items", {}), definitions)
            return [_value(name, item, definitions)]
        case {"type": "boolean"}:
            return False
        case {"type": "integer" | "number"}:
            return schema.get("minimum", 1)
    return _text(name, schema)


def _text(name: str, schema: Schema) -> str:
    formats = _formats(schema)
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.lower().endswith("id") and not formats:
        return _BY_FORMAT["uuid"]
    return _BY_FORMAT[formats[-1]] if formats else "x" * schema.get("minLength", 1)
