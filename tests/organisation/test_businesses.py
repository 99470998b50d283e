"""svc.business: employers, divisions, departments and business parties."""

import itertools
from typing import Any

import pytest

from service.organisation.parents import PARENTS_OF
from tests.client import Partner
from tests.organisation.company import Company, ein, new_business, new_company, new_person

UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
async def company(partner: Partner) -> Company:
    """A company of this test alone."""
    return await new_company(partner)


async def test_a_business_is_read_as_it_was_made(company: Company) -> None:
    """Every field comes back, the administrator is its parent, and an event tells of it."""
    body = new_business(company.admin_id, ein="123456789", exchange_id="x-1")
    made = await company.partner.ask("business.create", body)
    id = made.done["business_id"]
    assert made.done == {
        "business_id": id,
        "name": "Protea Mining",
        "alias": "protea",
        "ein": "12-3456789",
        "business_type": "EMPLOYER",
        "admin_id": company.admin_id,
        "parent_id": company.admin_id,
        "exchange_id": "x-1",
        "created_at": made.done["created_at"],
        "updated_at": made.done["created_at"],
        "version": 1,
    }
    read = await company.partner.ask("business.get", {"business_id": id})
    assert read.done == made.done
    assert read.version == 1
    (event,) = await company.partner.events(id, 1)
    assert event["type"] == "business.created"
    assert event["data"]["business"] == made.done


@pytest.mark.parametrize(
    "ein",
    [
        "12345678",
        "1234567890",
        "123-456789",
        "12-345678x",
        "12 3456789",
        "\uff11\uff12-3456789",
        "",
    ],
)
async def test_an_ein_has_nine_digits(company: Company, ein: str) -> None:
    """With or without the hyphen, and nothing else."""
    reply = await company.partner.ask("business.create", new_business(company.admin_id, ein=ein))
    assert reply.refusal == (400, "INVALID_FORMAT", "ein")


@pytest.mark.parametrize("title", ["business.create", "business.list"])
async def test_nobody_can_ask_for_the_type_of_a_root(company: Company, title: str) -> None:
    """ADMINISTRATOR stands in replies only."""
    body = new_business(company.admin_id) if title == "business.create" else {}
    reply = await company.partner.ask(title, body | {"business_type": "ADMINISTRATOR"})
    assert reply.refusal == (400, "NOT_ALLOWED_VALUE", "business_type")


async def test_a_type_decides_which_parents_it_may_have(company: Company) -> None:
    """Every type below every type: as the contract has it, or INVALID_PARENT."""
    employer = await company.business()
    division = await company.business(business_type="DIVISION", parent_id=employer)
    parents = {
        "ADMINISTRATOR": company.admin_id,
        "EMPLOYER": employer,
        "DIVISION": division,
        "DEPARTMENT": await company.business(business_type="DEPARTMENT", parent_id=division),
        "BUSINESS_PARTY": await company.business(business_type="BUSINESS_PARTY"),
    }
    allowed = {
        "EMPLOYER": {"ADMINISTRATOR", "EMPLOYER"},
        "DIVISION": {"EMPLOYER", "DIVISION"},
        "DEPARTMENT": {"EMPLOYER", "DIVISION", "DEPARTMENT"},
        "BUSINESS_PARTY": set(parents),
    }
    assert allowed.keys() == PARENTS_OF.keys()
    for kind, parent in itertools.product(allowed, parents):
        body = new_business(company.admin_id, business_type=kind, parent_id=parents[parent])
        reply = await company.partner.ask("business.create", body)
        if parent in allowed[kind]:
            assert reply.done["parent_id"] == parents[parent]
        else:
            assert reply.refusal == (409, "INVALID_PARENT", "parent_id"), (kind, parent)


async def test_without_a_parent_the_type_must_suit_the_administrator(company: Company) -> None:
    """A department cannot stand right under an administrator."""
    body = new_business(company.admin_id, business_type="DEPARTMENT")
    reply = await company.partner.ask("business.create", body)
    assert reply.refusal == (409, "INVALID_PARENT", "parent_id")


async def test_a_parent_lies_under_the_same_administrator(company: Company) -> None:
    """A business of another administrator, or of none, cannot be the parent."""
    other = await new_company(company.partner)
    lone = await company.partner.entity()
    for parent, kind in ((await other.business(), "EMPLOYER"), (lone, "BUSINESS_PARTY")):
        body = new_business(company.admin_id, business_type=kind, parent_id=parent)
        reply = await company.partner.ask("business.create", body)
        assert reply.refusal == (409, "INVALID_PARENT", "parent_id")


async def test_an_unknown_parent_or_administrator_is_not_found(company: Company) -> None:
    """Also where the id is a business's, or another partner's administrator's."""
    ask, business = company.partner.ask, await company.business()
    foreign = await new_company(Partner(company.partner.deployment))
    for admin in (UNKNOWN, business, foreign.admin_id):
        reply = await ask("business.create", new_business(admin))
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "admin_id")
    for parent in (UNKNOWN, foreign.admin_id):
        reply = await ask("business.create", new_business(company.admin_id, parent_id=parent))
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "parent_id")


async def test_an_ein_is_unique_in_a_partner(company: Company) -> None:
    """For a create, and for an update that would take another's."""
    first, taken = await company.business(), ein()
    await company.business(ein=taken)
    create = await company.partner.ask(
        "business.create", new_business(company.admin_id, ein=taken.replace("-", ""))
    )
    assert create.refusal == (409, "NOT_UNIQUE", "ein")
    update = await company.partner.ask("business.update", {"business_id": first, "ein": taken})
    assert update.refusal == (409, "NOT_UNIQUE", "ein")


async def test_an_update_changes_what_is_sent(company: Company) -> None:
    """The rest stays; the event names what is different, and nothing that only we know."""
    id = await company.business()
    body = {"business_id": id, "name": "Aloe Mining", "alias": "protea", "exchange_id": "x-2"}
    reply = await company.partner.ask("business.update", body)
    assert (reply.done["name"], reply.done["alias"]) == ("Aloe Mining", "protea")
    assert reply.version == reply.done["version"] == 2
    event = (await company.partner.events(id, 2))[-1]
    assert event["type"] == "business.updated"
    assert event["data"]["changed"] == ["exchange_id", "name"]
    found = await company.partner.ask("business.list", {"name": "aloe"})
    assert [each["business_id"] for each in found.done["items"]] == [id]


async def test_nothing_different_is_no_change(company: Company) -> None:
    """Neither an empty update nor one with what is there already has an event."""
    id = await company.business(name="Same")
    for fields in ({}, {"name": "Same"}):
        reply = await company.partner.ask("business.update", {"business_id": id} | fields)
        assert reply.version == 1
    await company.partner.ask("business.update", {"business_id": id, "name": "Other"})
    assert len(await company.partner.events(id, 2)) == 2


async def test_an_update_obeys_if_match(company: Company) -> None:
    """A version that has passed is a conflict."""
    id = await company.business()
    body = {"business_id": id, "name": "Other"}
    reply = await company.partner.ask("business.update", body, if_match="2")
    assert reply.refusal == (409, "VERSION_CONFLICT", None)
    assert (await company.partner.ask("business.update", body, if_match="1")).version == 2


async def test_what_is_no_business_is_not_found(company: Company) -> None:
    """Neither a personal entity nor, for a change, an administrator is one."""
    person = (await company.partner.ask("entity.create", new_person())).done
    for id in (UNKNOWN, person["entityId"]):
        for title in ("get", "lineage", "descendants", "update"):
            reply = await company.partner.ask(f"business.{title}", {"business_id": id})
            assert reply.refusal == (404, "ENTITY_NOT_FOUND", "business_id")
    body = {"business_id": company.admin_id, "name": "Mine"}
    reply = await company.partner.ask("business.update", body)
    assert reply.refusal == (404, "ENTITY_NOT_FOUND", "business_id")


async def test_a_name_is_found_by_a_part_of_it(company: Company) -> None:
    """Whatever the case, with nothing in it read as a pattern, however its letters are written."""
    names = ["Straße & Söhne (Pty)", "a.b", "aXb", "nul\0in", "Cafe\u0301 Paris", "ΣΊΣΥΦΟΣ", "50%"]
    ids = {name: await company.business(name=name) for name in names}

    async def found(part: str) -> list[str]:
        reply = await company.partner.ask("business.list", {"name": part})
        return [each["business_id"] for each in reply.done["items"]]

    for part, name in {
        "STRASSE": names[0],
        "söhne (": names[0],
        "A.B": names[1],
        "L\0I": names[3],
        "CAFÉ": names[4],
        "ίσυφος": names[5],
        "%": names[6],
    }.items():
        assert await found(part) == [ids[name]], part
    assert await found("nobody") == []


async def test_filters_combine(company: Company) -> None:
    """A list has what meets all of them, of this partner, without administrators."""
    employer = await company.business(name="North Mill", alias="mill")
    division = await company.business(
        name="North Saw", alias="mill", business_type="DIVISION", parent_id=employer
    )
    await company.business(name="South", parent_id=employer)
    unique = (await company.partner.ask("business.get", {"business_id": division})).done["ein"]

    async def found(**filters: Any) -> list[str]:
        reply = await company.partner.ask("business.list", filters)
        return [each["business_id"] for each in reply.done["items"]]

    assert len(await found()) == 3
    assert await found(alias="mill") == [employer, division]
    assert await found(alias="mill", parent_id=employer) == [division]
    assert await found(name="north", business_type="EMPLOYER") == [employer]
    assert await found(ein=unique.replace("-", "")) == [division]
    assert await found(ein=unique, name="south") == []
    assert len(await found(parent_id=employer)) == 2
    assert await found(parent_id=company.admin_id) == [employer]


async def test_a_search_goes_through_pages(company: Company) -> None:
    """A page ends at its limit, and the next goes on after it, in the order of creation."""
    ids = [await company.business(name=f"Mill {number}") for number in range(5)]
    body: dict[str, Any] = {"name": "mill", "limit": 2}
    found: list[str] = []
    for _ in range(3):
        page = (await company.partner.ask("business.list", body)).done
        found += [each["business_id"] for each in page["items"]]
        body["cursor"] = page["next_cursor"]
    assert found == ids
    assert body["cursor"] is None
