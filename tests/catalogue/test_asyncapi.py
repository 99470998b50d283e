"""The AsyncAPI document: valid by AsyncAPI's own schema, and with all that the service has."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from service.app import OPERATIONS
from service.catalogue.asyncapi import asyncapi
from service.catalogue.documents import event_types, refusal_entries, refusals
from service.catalogue.files import catalogue
from service.operation import Operation
from tests.client import new_user

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    return asyncapi()


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    """AsyncAPI's own schema of the version that the document says."""
    path = Path(__file__).with_name("asyncapi-3.0.0.json")
    return Draft7Validator(json.loads(path.read_text()))


def test_it_is_valid(document: Json, validator: Draft7Validator) -> None:
    assert list(validator.iter_errors(document)) == []


@pytest.mark.parametrize("wrong", [{"action": "answer"}, {"channel": "user.create"}])
def test_the_schema_would_see_what_is_wrong(
    document: Json, validator: Draft7Validator, wrong: Json
) -> None:
    operations = document["operations"]
    broken = document | {"operations": operations | {"user.get": operations["user.get"] | wrong}}
    assert not validator.is_valid(broken)


def test_every_reference_leads_somewhere(document: Json) -> None:
    found = list(references(document))
    assert len(found) > 500
    for reference in found:
        resolved(document, reference)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.title)
def test_an_operation_has_its_request_reply_and_refusals(
    document: Json, operation: Operation
) -> None:
    told = document["operations"][operation.title]
    assert told["action"] == "receive"
    channel = resolved(document, told["channel"]["$ref"])
    assert channel["address"] == operation.subject.replace("*", "{partner_id}")
    [request] = message_titles(document, told["messages"])
    assert request == operation.request.__name__
    assert message_titles(document, told["reply"]["messages"]) == [
        operation.reply.__name__,
        "Refusal",
    ]
    refusal = document["components"]["messages"][f"{operation.title}.refusal"]
    entries = [entry for each in refusals(operation) for entry in refusal_entries(each)]
    assert refusal["x-refusals"] == [f"{each['status']} {each['code']}" for each in entries]
    assert ("security" in told) == (operation.scope != "public")


def test_every_event_is_sent(document: Json) -> None:
    for event in event_types():
        told = document["operations"][f"emit.{event.type}"]
        channel = resolved(document, told["channel"]["$ref"])
        address = f"evt.{event.service}.{{partner_id}}.{{aggregate_id}}.{event.name}"
        assert (told["action"], channel["address"]) == ("send", address)


@pytest.mark.parametrize("kind", ["operations", "events"])
def test_every_schema_is_one(kind: str) -> None:
    """By the dialect that it names itself."""
    for document in catalogue()[kind].values():
        for schema in (
            [document["request"], document["reply"]] if kind == "operations" else [document]
        ):
            Draft202012Validator.check_schema(schema)


def test_the_schema_of_a_request_judges_as_the_service_does() -> None:
    schema = Draft202012Validator(catalogue()["operations"]["user.create"]["request"])
    user = new_user("01a1ffd5-257b-7695-a98e-100d796fdba9")
    assert schema.is_valid(user)
    assert not schema.is_valid(user | {"first_name": "A"})
    assert not schema.is_valid(user | {"unknown": 1})


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


def resolved(document: Json, reference: str) -> Any:
    """What a reference leads to."""
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def message_titles(document: Json, messages: list[Json]) -> list[str]:
    in_channel = [resolved(document, each["$ref"]) for each in messages]
    return [resolved(document, each["$ref"])["title"] for each in in_channel]
