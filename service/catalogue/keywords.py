"""The words of JSON Schema (draft 2020-12), and those of a schema that are none of them.

A word that nobody knows bounds nothing: a validator passes over it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

ANNOTATIONS = {
    *("$schema", "$id", "$anchor", "$comment", "$defs", "title", "description", "default"),
    *("examples", "deprecated", "readOnly", "writeOnly"),
}
"""What says nothing about which values are valid."""

_OF_ONE = {
    *("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"),
    *("unevaluatedItems", "unevaluatedProperties", "contentSchema"),
}
_OF_SEVERAL = {"allOf", "anyOf", "oneOf", "prefixItems"}
_BY_NAME = {"$defs", "properties", "patternProperties", "dependentSchemas"}
_PLAIN = {
    *("$ref", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "type", "const", "enum"),
    *("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"),
    *("minItems", "maxItems", "uniqueItems", "minContains", "maxContains"),
    *("minProperties", "maxProperties", "required", "dependentRequired"),
}
_WORDS = ANNOTATIONS | _OF_ONE | _OF_SEVERAL | _BY_NAME | _PLAIN


def unknown_words(schema: Any, path: str = "") -> Iterator[str]:
    """Where in a schema there is a word that JSON Schema does not know."""
    if not isinstance(schema, Mapping):
        return  # true or false
    for word, value in schema.items():
        if word not in _WORDS:
            yield f"{path}/{word}"
        for place, part in _parts(word, value):
            yield from unknown_words(part, f"{path}/{word}{place}")


def _parts(word: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The schemas that the value of a word holds, and where in it."""
    if word in _OF_ONE:
        yield "", value
    elif word in _OF_SEVERAL:
        yield from ((f"/{place}", each) for place, each in enumerate(value))
    elif word in _BY_NAME:
        yield from ((f"/{name}", each) for name, each in value.items())
