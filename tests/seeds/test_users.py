"""Seed 002, Vertex Engine's User Service: its examples, with valid values for its placeholders."""

import re
from typing import Any

import pytest

from tests.client import Partner, is_uuid
from tests.seeds.examples import Example, read_examples

EXAMPLES = read_examples("002_users.txt")
REQUESTS = {each.title: each for each in EXAMPLES if each.kind == "Request"}
REPLIES = {each.title: each.body for each in EXAMPLES if each.kind == "Response"}
JOHN: dict[str, Any] = REPLIES["user.list"]["users"][0]

VALID = {
    "first_name": "Jane",
    "last_name": "Roe",
    "email": "jane.roe@example.com",
    "phone_number": "+27123456780",
    "gender": "Female",
    "city": "Durban",
    "birth_city": "Pretoria",
    "residency": "Namibia",
    "id_number": "9001015800085",
    "id_type": "National",
    "title": "Ms",
    "permit_number": "ZA-17",
}
CREATE, UPDATE = REQUESTS["user.create"], REQUESTS["user.update"]


def filled(example: Example) -> dict[str, Any]:
    """The example with a valid value wherever it has only "string"."""
    return {
        name: VALID[name] if value == "string" else value for name, value in example.body.items()
    }


def test_all_examples_are_found() -> None:
    """The seed has a request and a response for each of three operations."""
    titles = ["user.create", "user.update", "user.list"]
    assert [(each.title, each.kind) for each in EXAMPLES] == [
        (title, kind) for title in titles for kind in ("Request", "Response")
    ]


@pytest.mark.parametrize("id_type", ["National", "passport"])
async def test_create(partner: Partner, id_type: str) -> None:
    """The request of "Create User" is answered with the seed's names and no others."""
    request = filled(CREATE) | {"entity_id": await partner.entity(), "id_type": id_type}
    reply = (await partner.ask("user.create", request)).done
    assert reply.keys() == REPLIES["user.create"].keys()
    assert is_uuid(reply["userId"])


async def test_update(partner: Partner) -> None:
    """The request of "Update User Profile" changes each field that it names."""
    user_id = await partner.user()
    request = filled(UPDATE) | {"user_id": user_id}
    reply = (await partner.ask("user.update", request)).done
    assert reply == dict.fromkeys(REPLIES["user.update"], user_id)
    record = await partner.record(user_id)
    told = {"id_issue_expiry" if n == "id_issue_expiry_date" else n: v for n, v in request.items()}
    del told["user_id"]
    assert {name: record[name] for name in told} == told


async def test_list(partner: Partner) -> None:
    """The response of "List Users" comes back as it stands in the seed.

    Read with read:sensitive. What the service makes itself has the seed's form; `id_type` is told
    as `National`; and the empty `permit_number` is one that no request could have set.
    """
    entity_id = await partner.entity()
    request = {name: JOHN[name] for name in CREATE.body if name in JOHN}
    request |= {
        "entity_id": entity_id,
        "permit_number": "12",
        "id_issue_expiry_date": JOHN["id_issue_expiry"],
    }
    user_id = (await partner.ask("user.create", request)).done["userId"]
    reply = await partner.ask("user.list", REQUESTS["user.list"].body | {"entity_id": entity_id})
    assert reply.done.keys() == {*REPLIES["user.list"], "next_cursor"}
    [record] = reply.done["users"]
    made = {"created_at", "updated_at", "date_registered"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record[name]) for name in made)
    expected = JOHN | {
        "id": user_id,
        "entity_id": entity_id,
        "id_type": "National",
        "permit_number": "12",
    }
    assert {n: record[n] for n in expected if n not in made} == {
        n: v for n, v in expected.items() if n not in made
    }


@pytest.mark.parametrize("name", CREATE.fields_that("Required -"))
async def test_required(partner: Partner, name: str) -> None:
    """What the seed calls required is asked for by name."""
    request = filled(CREATE)
    del request[name]
    assert (await partner.ask("user.create", request)).refusal == (400, "REQUIRED", name)


async def test_passport_requires_expiry(partner: Partner) -> None:
    """ "Required for passport; not required for National ID"."""
    request = filled(CREATE) | {"entity_id": await partner.entity()}
    [name] = CREATE.fields_that("Required for passport")
    del request[name]
    refused = await partner.ask("user.create", request | {"id_type": "passport"})
    assert refused.refusal == (400, "REQUIRED", name)
    assert (await partner.ask("user.create", request)).done


@pytest.mark.parametrize("name", UPDATE.fields_that("Optional"))
async def test_optional(partner: Partner, name: str) -> None:
    """What the seed calls optional can be left out, and stays as it was."""
    user_id = await partner.user()
    before = await partner.record(user_id)
    request = filled(UPDATE) | {"user_id": user_id}
    del request[name]
    assert (await partner.ask("user.update", request)).done
    kept = "id_issue_expiry" if name == "id_issue_expiry_date" else name
    assert (await partner.record(user_id))[kept] == before[kept]


@pytest.mark.parametrize(
    ("example", "name"),
    [
        pytest.param(example, name, id=f"{example.title}-{name}")
        for example in (CREATE, UPDATE)
        for name in example.fields_that("minimum 2 characters")
        if name != "id_type"
    ],
)
async def test_two_characters(partner: Partner, example: Example, name: str) -> None:
    """ "Minimum 2 characters" are two once the spaces around them are gone."""
    request = filled(example) | {name: " x "}
    assert (await partner.ask(example.title, request)).refusal == (400, "TOO_SHORT", name)
