"""svc.entity: business entities, as far as users need them."""

from typing import Any
from uuid import uuid4

import pytest

from tests.client import Partner, is_uuid, new_user

BUSINESS = {"entity_type": "business", "registration_number": "2020/1", "trading_name": "Acme"}


async def test_created_and_read(partner: Partner) -> None:
    """A business entity is told by its id, its event has it as a business, and it can be read."""
    reply = await partner.ask("entity.create", BUSINESS)
    entity_id = reply.done["entityId"]
    assert is_uuid(entity_id)
    assert reply.version == 1
    got = await partner.ask("entity.get", {"entity_id": entity_id})
    assert got.version == 1
    assert {k: v for k, v in got.done.items() if k not in {"created_at", "updated_at"}} == {
        "entity_id": entity_id,
        "entity_type": "business",
        "registration_number": "2020/1",
        "trading_name": "Acme",
        "parent_id": None,
        "admin_id": None,
        "user_id": None,
        "version": 1,
    }
    [event] = await partner.events(entity_id, 1)
    assert event["type"] == "business.created"
    assert event["data"]["business_id"] == entity_id
    assert sorted(event["data"]["changed"]) == ["registration_number", "trading_name"]
    business: dict[str, Any] = event["data"]["business"]
    assert (business["name"], business["business_type"]) == ("Acme", "BUSINESS_PARTY")
    assert [business[name] for name in ("alias", "ein", "admin_id", "parent_id")] == [None] * 4


async def test_under_a_parent(partner: Partner) -> None:
    """It may stand under another one, in whose domain it then is."""
    parent_id, domain = await partner.entity(), str(uuid4())
    await partner.deployment.database["entities"].update_one(
        {"_id": parent_id}, {"$set": {"domain": domain}}
    )
    child_id = await partner.entity(parent_id=parent_id)
    got = (await partner.ask("entity.get", {"entity_id": child_id})).done
    assert (got["parent_id"], got["admin_id"]) == (parent_id, domain)
    [event] = await partner.events(child_id, 1)
    assert sorted(event["data"]["changed"]) == ["parent_id", "registration_number", "trading_name"]


async def test_parents_that_cannot_be(partner: Partner) -> None:
    """A parent that is not there, is another partner's, or is personal, is none."""
    stranger = await Partner(partner.deployment).entity()
    for parent_id in (str(uuid4()), stranger):
        reply = await partner.ask("entity.create", BUSINESS | {"parent_id": parent_id})
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "parent_id")
    personal = await partner.entity()
    await partner.deployment.database["entities"].update_one(
        {"_id": personal}, {"$set": {"entity_type": "personal"}}
    )
    reply = await partner.ask("entity.create", BUSINESS | {"parent_id": personal})
    assert reply.refusal == (409, "INVALID_PARENT", "parent_id")


async def test_domain(partner: Partner) -> None:
    """A token with a domain makes and reads entities of that domain only."""
    domain, inside, outside = str(uuid4()), await partner.entity(), await partner.entity()
    await partner.deployment.database["entities"].update_one(
        {"_id": inside}, {"$set": {"domain": domain}}
    )
    token = partner.token(domain=domain)
    for body in (BUSINESS, BUSINESS | {"parent_id": outside}):
        reply = await partner.ask("entity.create", body, token)
        assert reply.refusal == (403, "OUTSIDE_DOMAIN", "parent_id")
    child = (await partner.ask("entity.create", BUSINESS | {"parent_id": inside}, token)).done
    assert (await partner.ask("entity.get", {"entity_id": child["entityId"]}, token)).done
    hidden = await partner.ask("entity.get", {"entity_id": outside}, token)
    assert hidden.refusal == (404, "ENTITY_NOT_FOUND", "entity_id")
    user = await partner.ask("user.create", new_user(child["entityId"]), token)
    assert user.done


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"entity_type": "club"}, ("NOT_ALLOWED_VALUE", "entity_type")),
        ({"entity_type": None}, ("NOT_ALLOWED_VALUE", "entity_type")),
        ({"registration_number": " "}, ("TOO_SHORT", "registration_number")),
        ({"trading_name": "x"}, ("TOO_SHORT", "trading_name")),
        ({"trading_name": "x" * 257}, ("TOO_LONG", "trading_name")),
        ({"parent_id": "acme"}, ("INVALID_FORMAT", "parent_id")),
        ({"name": "Acme"}, ("UNKNOWN_FIELD", "name")),
    ],
)
async def test_wrong_value(
    partner: Partner, change: dict[str, object], error: tuple[str, str]
) -> None:
    """A wrong value is refused by its path."""
    assert (await partner.ask("entity.create", BUSINESS | change)).refusal == (400, *error)


async def test_unknown(partner: Partner) -> None:
    """An entity of nobody, or of another partner, is not found."""
    for entity_id in (str(uuid4()), await Partner(partner.deployment).entity()):
        reply = await partner.ask("entity.get", {"entity_id": entity_id})
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "entity_id")
