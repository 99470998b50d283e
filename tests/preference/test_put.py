"""Setting preferences: any part of the tree, all of a request or nothing of it."""

from typing import Any
from uuid import uuid4

import pytest

from tests.client import Partner
from tests.deployment import Deployment
from tests.preference.asking import (
    CATALOGUE,
    CONFIRMATION,
    EXTERNAL,
    LOW_BALANCE,
    PURCHASE,
    external_item,
    settings,
    told,
    trigger_item,
)

DEFAULTS = settings(CATALOGUE["categories"])
EXTERNAL_DEFAULTS = settings(CATALOGUE["external"])
CLAIMS = next(iter(EXTERNAL))


@pytest.fixture
async def person(partner: Partner) -> str:
    return await partner.user()


async def stored(deployment: Deployment, person: str) -> dict[str, Any] | None:
    """The person's document."""
    return await deployment.database["preferences"].find_one({"_id": person})


async def test_nothing_stored_is_the_catalogue(
    deployment: Deployment, partner: Partner, person: str
) -> None:
    """Who has set nothing has the defaults, at version 0, and reading writes nothing."""
    internal = await partner.ask("preference.get", {"person_id": person})
    external = await partner.ask("preference.get_external", {"person_id": person})
    assert settings(internal.done["items"]) == DEFAULTS
    assert settings(external.done["items"]) == EXTERNAL_DEFAULTS
    assert internal.version == external.version == 0
    assert await stored(deployment, person) is None


async def test_part_of_the_tree(partner: Partner, person: str) -> None:
    """A put changes what it sends and leaves everything else alone, and its event says the same."""
    items = [
        trigger_item(CONFIRMATION, "EMAIL", opted_in=False),
        trigger_item(LOW_BALANCE, threshold={"value": 250}),
    ]
    reply = await partner.ask("preference.put", {"person_id": person, "items": items})
    expected = DEFAULTS | {
        (CONFIRMATION, "EMAIL", "opted_in"): False,
        (LOW_BALANCE, "threshold"): 250.0,
    }
    assert reply.version == 1
    assert settings(reply.done["items"]) == expected
    shown = await partner.ask("preference.get", {"person_id": person})
    assert shown.version == 1
    assert shown.done == reply.done
    (event,) = await told(partner, "preference", person, 1)
    assert event["type"] == "preference.internal_changed"
    assert event["data"]["person_id"] == person
    assert event["data"]["changed"] == [
        "CLAIM_CONFIRMATION.EMAIL.opted_in",
        "HSA_CASH_BALANCE_WARNING.threshold",
    ]
    touched = {
        key: value for key, value in expected.items() if key[0] in {CONFIRMATION, LOW_BALANCE}
    }
    assert settings(event["data"]["items"]) == touched


async def test_external_part(partner: Partner, person: str) -> None:
    """The external preferences are changed in the same way, in the same document."""
    body = {"person_id": person, "items": [external_item(CLAIMS, "SMS", opted_in=True)]}
    reply = await partner.ask("preference.put_external", body)
    assert settings(reply.done["items"]) == EXTERNAL_DEFAULTS | {(CLAIMS, "SMS", "opted_in"): True}
    items = [trigger_item(CONFIRMATION, "SMS", opted_in=True)]
    await partner.ask("preference.put", {"person_id": person, "items": items})
    external, internal = await told(partner, "preference", person, 2)
    assert external["type"] == "preference.external_changed"
    assert external["data"]["changed"] == [f"{CLAIMS}.SMS.opted_in"]
    assert internal["type"] == "preference.internal_changed"
    shown = await partner.ask("preference.get_external", {"person_id": person})
    assert shown.done == reply.done


@pytest.mark.parametrize("name", ["preference.put", "preference.put_external"])
async def test_whole_tree_as_it_was_read(
    deployment: Deployment, partner: Partner, person: str, name: str
) -> None:
    """What `get` shows can be put back as it is, and that changes nothing: no event, no version."""
    items = (await partner.ask(name.replace("put", "get"), {"person_id": person})).done["items"]
    reply = await partner.ask(name, {"person_id": person, "items": items})
    assert reply.done["items"] == items
    assert reply.version == 0
    assert await stored(deployment, person) is None


async def test_same_again_changes_nothing(partner: Partner, person: str) -> None:
    """A put of what is so already makes no event and no version."""
    body = {"person_id": person, "items": [trigger_item(CONFIRMATION, "PUSH", opted_in=True)]}
    first = await partner.ask("preference.put", body)
    again = await partner.ask("preference.put", body)
    empty = await partner.ask("preference.put", {"person_id": person, "items": []})
    assert [first.version, again.version, empty.version] == [1, 1, 1]
    assert again.done == first.done
    body["items"] = [trigger_item(CONFIRMATION, "PUSH", opted_in=False)]
    assert (await partner.ask("preference.put", body)).version == 2
    assert len(await told(partner, "preference", person, 2)) == 2


PREFERENCE = "items.1.preferences.0"
CHANNEL = f"{PREFERENCE}.configurations.0"


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"category": "NONE"}, "items.1.category"),
        ({"category": "claims"}, "items.1.category"),
        (
            {"category": "CLAIMS", "preferences": [{"notification_preference_type": "NONE"}]},
            f"{PREFERENCE}.notification_preference_type",
        ),
        (
            # A trigger there is, but not in this category.
            {"category": "CLAIMS", "preferences": [{"notification_preference_type": PURCHASE}]},
            f"{PREFERENCE}.notification_preference_type",
        ),
        (
            trigger_item(PURCHASE, "FAX", opted_in=True),
            f"{CHANNEL}.communication_delivery_type",
        ),
        (trigger_item(PURCHASE, threshold={"value": 1}), f"{PREFERENCE}.threshold"),
        (trigger_item(LOW_BALANCE, threshold=None), f"{PREFERENCE}.threshold"),
        (trigger_item(LOW_BALANCE, threshold={"value": -1}), f"{PREFERENCE}.threshold.value"),
        (trigger_item(PURCHASE, name="Mine"), f"{PREFERENCE}.name"),
        (
            {"category": "CLAIMS", "category_description": "Mine"},
            "items.1.category_description",
        ),
        # Not the other value that the first item has for the same.
        (trigger_item(CONFIRMATION, "EMAIL", opted_in=True), f"{CHANNEL}.opted_in"),
    ],
)
async def test_what_does_not_exist(
    deployment: Deployment, partner: Partner, person: str, item: dict[str, Any], path: str
) -> None:
    """What the catalogue does not have is a 400 on its path, and nothing of the request is kept."""
    items = [trigger_item(CONFIRMATION, "EMAIL", opted_in=False), item]
    reply = await partner.ask("preference.put", {"person_id": person, "items": items})
    assert reply.refusal == (400, "NOT_ALLOWED_VALUE", path)
    assert await stored(deployment, person) is None


@pytest.mark.parametrize(
    ("item", "path"),
    [
        (external_item(str(uuid4()), "SMS"), "items.1.external_notification_preference_id"),
        (
            external_item(CLAIMS, "FAX"),
            "items.1.configurations.0.communication_delivery_type",
        ),
        (external_item(CLAIMS, "SMS") | {"name": "Mine"}, "items.1.name"),
    ],
)
async def test_external_that_does_not_exist(
    deployment: Deployment, partner: Partner, person: str, item: dict[str, Any], path: str
) -> None:
    """The same of external preferences."""
    items = [external_item(CLAIMS, "EMAIL", opted_in=False), item]
    reply = await partner.ask("preference.put_external", {"person_id": person, "items": items})
    assert reply.refusal == (400, "NOT_ALLOWED_VALUE", path)
    assert await stored(deployment, person) is None


async def test_every_wrong_place_is_told(partner: Partner, person: str) -> None:
    """A request with several mistakes is told of each."""
    items = [{"category": "NONE"}, {"category": "NEITHER"}]
    reply = await partner.ask("preference.put", {"person_id": person, "items": items})
    assert [path for _, path in reply.errors] == ["items.0.category", "items.1.category"]


async def test_if_match(partner: Partner, person: str) -> None:
    """If-Match is obeyed, also for version 0, that of a person who has set nothing."""
    items = [trigger_item(CONFIRMATION, "PUSH", opted_in=True)]
    body = {"person_id": person, "items": items}
    assert (await partner.ask("preference.put", body, if_match="1")).refusal[0] == 409
    assert (await partner.ask("preference.put", body, if_match="0")).version == 1
    external = {"person_id": person, "items": [external_item(CLAIMS, "PUSH", opted_in=True)]}
    refused = await partner.ask("preference.put_external", external, if_match="0")
    assert refused.refusal[:2] == (409, "VERSION_CONFLICT")
    assert (await partner.ask("preference.put_external", external, if_match="1")).version == 2


async def test_unknown_person(partner: Partner) -> None:
    """Nobody has preferences who is not there."""
    person = {"person_id": str(uuid4())}
    not_found = (404, "PERSON_NOT_FOUND", "person_id")
    assert (await partner.ask("preference.get", person)).refusal == not_found
    assert (await partner.ask("preference.get_external", person)).refusal == not_found
    assert (await partner.ask("preference.put", person | {"items": []})).refusal == not_found
    put = await partner.ask("preference.put_external", person | {"items": []})
    assert put.refusal == not_found
    message = person | {"notification_preference_type": CONFIRMATION}
    assert (await partner.ask("preference.evaluate", message)).refusal == not_found
