"""svc.entity: personal entities with their user, and business ones."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.client import Partner, events_on, new_user
from tests.deployment import Deploy
from tests.organisation.company import create_administrator, new_company, new_person

BUSINESS = {"entity_type": "business", "registration_number": "2020/1", "trading_name": "Aloe"}


async def test_a_personal_entity_and_its_user_are_made_together(partner: Partner) -> None:
    """The reply names both, each is read as it was made, and each has its event."""
    body = new_person()
    reply = await partner.ask("entity.create", body)
    assert reply.done.keys() == {"entityId", "userId"}
    assert reply.version == 1
    id, user_id = reply.done["entityId"], reply.done["userId"]
    entity = await partner.ask("entity.get", {"entity_id": id})
    assert entity.done == {
        "entity_id": id,
        "entity_type": "personal",
        "registration_number": None,
        "trading_name": None,
        "parent_id": None,
        "admin_id": None,
        "user_id": user_id,
        "created_at": entity.done["created_at"],
        "updated_at": entity.done["created_at"],
        "version": 1,
    }
    record = await partner.record(user_id)
    assert (record["entity_id"], record["email"]) == (id, body["email"])
    (created,) = await partner.events(id, 1)
    assert (created["type"], created["data"]["entity"]) == ("entity.created", entity.done)
    (user,) = await partner.events(user_id, 1)
    assert user["type"] == "user.created"
    assert set(user["data"]["changed"]) == (body.keys() - {"entity_type"}) | {"entity_id"}


async def test_a_business_entity_is_a_business_party(partner: Partner) -> None:
    """Its name is the trading name; without a parent it has no administrator."""
    reply = await partner.ask("entity.create", BUSINESS)
    assert reply.done.keys() == {"entityId"}
    id = reply.done["entityId"]
    entity = (await partner.ask("entity.get", {"entity_id": id})).done
    assert (entity["entity_type"], entity["trading_name"]) == ("business", "Aloe")
    assert (entity["registration_number"], entity["user_id"]) == ("2020/1", None)
    business = (await partner.ask("business.get", {"business_id": id})).done
    assert (business["business_type"], business["name"]) == ("BUSINESS_PARTY", "Aloe")
    assert [business[name] for name in ("alias", "ein", "admin_id", "parent_id")] == [None] * 4
    (event,) = await partner.events(id, 1)
    assert (event["type"], event["data"]["business"]) == ("business.created", business)


async def test_a_parent_gives_its_administrator(partner: Partner) -> None:
    """An administrator, a business under one, and one without, all may be the parent."""
    company = await new_company(partner)
    for parent in (company.admin_id, await company.business()):
        id = await partner.entity(parent_id=parent)
        entity = (await partner.ask("entity.get", {"entity_id": id})).done
        assert (entity["parent_id"], entity["admin_id"]) == (parent, company.admin_id)
    root = await partner.entity()
    entity = await partner.ask("entity.get", {"entity_id": await partner.entity(parent_id=root)})
    assert (entity.done["parent_id"], entity.done["admin_id"]) == (root, None)


async def test_a_personal_entity_is_no_parent(partner: Partner) -> None:
    """INVALID_PARENT; an unknown one, or another partner's, is 404."""
    person = (await partner.ask("entity.create", new_person())).done
    stranger = await Partner(partner.deployment).entity()
    reply = await partner.ask("entity.create", BUSINESS | {"parent_id": person["entityId"]})
    assert reply.refusal == (409, "INVALID_PARENT", "parent_id")
    for parent_id in (person["userId"], stranger):
        reply = await partner.ask("entity.create", BUSINESS | {"parent_id": parent_id})
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "parent_id")


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("REQUIRED", "entity_type")]),
        ({"entity_type": "other"}, [("NOT_ALLOWED_VALUE", "entity_type")]),
        ({"entity_type": []}, [("NOT_ALLOWED_VALUE", "entity_type")]),
        ({"entity_type": None}, [("NOT_ALLOWED_VALUE", "entity_type")]),
        (BUSINESS | {"registration_number": " "}, [("TOO_SHORT", "registration_number")]),
        (BUSINESS | {"trading_name": "x" * 257}, [("TOO_LONG", "trading_name")]),
        (BUSINESS | {"parent_id": "acme"}, [("INVALID_FORMAT", "parent_id")]),
        (
            {"entity_type": "business", "trading_name": "A", "first_name": "Ann"},
            [
                ("REQUIRED", "registration_number"),
                ("TOO_SHORT", "trading_name"),
                ("UNKNOWN_FIELD", "first_name"),
            ],
        ),
        (new_person(email="nobody"), [("INVALID_FORMAT", "email")]),
        (new_person(country="XXX"), [("NOT_ALLOWED_VALUE", "country")]),
        (new_person(id_type="passport"), [("REQUIRED", "id_issue_expiry_date")]),
        (
            new_person(entity_id="0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d"),
            [("UNKNOWN_FIELD", "entity_id")],
        ),
    ],
)
async def test_each_type_has_its_own_fields(
    partner: Partner, body: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    """A refusal names the field as it was sent, whichever of the two it belongs to."""
    reply = await partner.ask("entity.create", body)
    assert reply.status == 400
    assert sorted(reply.errors) == sorted(errors)


async def test_every_field_of_a_user_is_required(partner: Partner) -> None:
    """Those of `user.create` but `entity_id`."""
    reply = await partner.ask("entity.create", {"entity_type": "personal"})
    required = new_user("").keys() - {"entity_id"}
    assert set(reply.errors) == {("REQUIRED", name) for name in required}


async def test_an_email_of_an_active_user_makes_no_half(partner: Partner) -> None:
    """The refusal is the user's, masked, and no entity is left of it."""
    body = new_person(email="taken.person@example.com")
    await partner.ask("entity.create", body)
    reply = await partner.ask("entity.create", new_person(email="Taken.Person@example.com"))
    assert reply.refusal == (409, "NOT_UNIQUE", "email")
    assert len((await partner.ask("entity.list")).done["items"]) == 1


async def test_racing_retries_make_one_pair(deploy: Deploy) -> None:
    """Twenty with one Idempotency-Key on two workers: one entity, one user, one reply."""
    deployment = await deploy(2)
    partner, body = Partner(deployment), new_person()
    replies = await asyncio.gather(
        *(partner.ask("entity.create", body, idempotency_key="once") for _ in range(20))
    )
    assert len({str(reply.done) for reply in replies}) == 1
    assert sum("Idempotency-Replayed" not in reply.headers for reply in replies) == 1
    assert min(deployment.answered) > 0, "both workers were asked"
    entities = (await partner.ask("entity.list")).done["items"]
    users = (await partner.ask("user.list")).done["users"]
    assert [each["user_id"] for each in entities] == [each["id"] for each in users]
    assert len(users) == 1
    await partner.events(users[0]["id"], 1)
    await partner.events(entities[0]["entity_id"], 1)
    assert len(await events_on(deployment, f"evt.*.{partner.name}.>")) == 2


async def test_racing_emails_make_no_halves(deploy: Deploy) -> None:
    """Twenty persons with one e-mail: one pair, nineteen refusals, nothing half."""
    deployment = await deploy(2)
    partner = Partner(deployment)
    email = "one.of.twenty@example.com"
    replies = await asyncio.gather(
        *(partner.ask("entity.create", new_person(email=email)) for _ in range(20))
    )
    assert [reply.status for reply in replies].count(200) == 1
    refused = {reply.refusal for reply in replies if reply.status != 200}
    assert refused == {(409, "NOT_UNIQUE", "email")}
    assert len((await partner.ask("entity.list")).done["items"]) == 1


async def test_entities_are_listed_by_type(partner: Partner) -> None:
    """Both types in the order of creation; administrators have a list of their own."""
    await create_administrator(partner)
    business = await partner.entity()
    person = (await partner.ask("entity.create", new_person())).done["entityId"]
    last = await partner.entity()

    async def listed(**body: object) -> list[str]:
        page = (await partner.ask("entity.list", body)).done
        return [each["entity_id"] for each in page["items"]]

    assert await listed() == [business, person, last]
    assert await listed(entity_type="business") == [business, last]
    assert await listed(entity_type="personal") == [person]
    first = (await partner.ask("entity.list", {"limit": 2})).done
    assert await listed(limit=2, cursor=first["next_cursor"]) == [last]


async def test_a_user_is_made_in_business_entities_only(partner: Partner) -> None:
    """An unknown entity is 404, a personal one a conflict; an administrator is a business."""
    unknown = "00000000-0000-7000-8000-000000000000"
    reply = await partner.ask("user.create", new_user(unknown))
    assert reply.refusal == (404, "ENTITY_NOT_FOUND", "entity_id")
    person = (await partner.ask("entity.create", new_person())).done["entityId"]
    reply = await partner.ask("user.create", new_user(person))
    assert reply.refusal == (409, "ENTITY_IS_PERSONAL", "entity_id")
    company = await new_company(partner)
    user = await partner.user(company.admin_id)
    seen = await partner.ask("user.get", {"user_id": user}, company.token)
    assert seen.done["id"] == user


async def test_an_entity_of_another_partner_is_not_found(partner: Partner) -> None:
    """Nor is one of nobody."""
    for id in (str(uuid4()), await Partner(partner.deployment).entity()):
        reply = await partner.ask("entity.get", {"entity_id": id})
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "entity_id")


async def test_a_user_has_the_profile_of_its_entity(partner: Partner) -> None:
    """A personal one for a personal entity; for a business, or an administrator, a business one."""
    person = (await partner.ask("entity.create", new_person())).done
    company = await new_company(partner)
    of_admin = await partner.user(company.admin_id)
    for user, kind in ((person["userId"], "personal"), (of_admin, "business")):
        (profile,) = (await partner.ask("profile.list", {"user_id": user})).done["items"]
        assert profile["type"] == kind
