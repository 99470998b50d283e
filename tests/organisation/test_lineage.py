"""svc.business.lineage and descendants: up to the root and down below, in a read or two."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.client import Partner
from tests.deployment import Deployment
from tests.organisation.company import Company, new_company


@pytest.fixture
async def company(partner: Partner) -> Company:
    """A company of this test alone."""
    return await new_company(partner)


@asynccontextmanager
async def reads_of(deployment: Deployment) -> AsyncIterator[list[dict[str, Any]]]:
    """What the block makes MongoDB read of the entities, by MongoDB's own profile."""
    database, reads = deployment.database, list[dict[str, Any]]()
    await database.command("profile", 2)
    yield reads
    await database.command("profile", 0)
    query = {"ns": f"{database.name}.entities", "op": {"$in": ["query", "command", "getmore"]}}
    reads += [each async for each in database["system.profile"].find(query)]
    await database.drop_collection("system.profile")


async def test_a_lineage_goes_from_the_node_to_its_administrator(company: Company) -> None:
    """Each in the shape of a business, the administrator too."""
    ids = await company.nested(3)
    reply = await company.partner.ask("business.lineage", {"business_id": ids[-1]})
    items = reply.done["items"]
    assert [each["business_id"] for each in items] == [*reversed(ids), company.admin_id]
    root = items[-1]
    assert root["business_type"] == "ADMINISTRATOR"
    assert (root["admin_id"], root["parent_id"]) == (company.admin_id, None)
    for each in items[:-1]:
        read = await company.partner.ask("business.get", {"business_id": each["business_id"]})
        assert read.done == each
    assert await company.lineage(company.admin_id) == [company.admin_id]


async def test_a_lineage_twelve_deep_takes_two_reads_at_most(company: Company) -> None:
    """And every step of it is by an index: as many documents looked at as there are."""
    node = (await company.nested(12))[-1]
    async with reads_of(company.partner.deployment) as reads:
        assert len(await company.lineage(node)) == 13
    assert 1 <= len(reads) <= 2
    assert all("COLLSCAN" not in str(read.get("planSummary")) for read in reads)
    assert sum(read["docsExamined"] for read in reads) <= 2 * 13


async def test_a_business_without_an_administrator_is_its_own_root(partner: Partner) -> None:
    """The lineage ends there."""
    root = await partner.entity()
    below = await partner.entity(parent_id=root)
    reply = await partner.ask("business.lineage", {"business_id": below})
    items = reply.done["items"]
    assert [each["business_id"] for each in items] == [below, root]
    assert {each["admin_id"] for each in items} == {None}


async def test_descendants_come_in_the_order_of_creation(company: Company) -> None:
    """Whatever their level; `depth` bounds the levels; the node itself is not of them."""
    top = await company.business()
    middle = await company.business(parent_id=top)
    late = await company.business()
    low = await company.business(parent_id=middle)
    last = await company.business(parent_id=top)

    async def below(id: str, **fields: object) -> list[str]:
        reply = await company.partner.ask("business.descendants", {"business_id": id} | fields)
        return [each["business_id"] for each in reply.done["items"]]

    assert await below(top) == [middle, low, last]
    assert await below(top, depth=1) == [middle, last]
    assert await below(top, depth=2) == [middle, low, last]
    assert await below(low) == []
    assert await below(company.admin_id) == [top, middle, late, low, last]


async def test_descendants_go_through_pages(company: Company) -> None:
    """Each page in two reads at most, and the last as cheap as the first."""
    top = await company.business()
    ids = [await company.business(parent_id=top) for _ in range(5)]
    body: dict[str, Any] = {"business_id": top, "limit": 2}
    found: list[str] = []
    async with reads_of(company.partner.deployment) as reads:
        for _ in range(3):
            page = (await company.partner.ask("business.descendants", body)).done
            found += [each["business_id"] for each in page["items"]]
            body["cursor"] = page["next_cursor"]
    assert found == ids
    assert body["cursor"] is None
    assert len(reads) <= 2 * 3


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "listed"),
        ({"business_type": "EMPLOYER"}, "by_type"),
        ({"ein": "12-3456789"}, "ein"),
        ({"alias": "mill", "business_type": "EMPLOYER"}, "by_alias"),
        ({"parent_id": "0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d", "name": "a"}, "by_parent"),
        ({"name": "mill"}, "by_name"),
    ],
)
async def test_each_filter_is_served_by_its_index(
    company: Company, filters: dict[str, Any], index: str
) -> None:
    """In the order of the ids as it gives them: nothing is sorted, but for a lone EIN."""
    await company.business(name="Mill", alias="mill")
    async with reads_of(company.partner.deployment) as reads:
        await company.partner.ask("business.list", filters)
    (read,) = reads
    assert read["command"]["hint"] == index
    assert "COLLSCAN" not in read["planSummary"]
    assert index == "ein" or not read.get("hasSortStage", False)


async def test_a_search_reads_the_names_of_its_partner_only(company: Company) -> None:
    """And fetches no document whose name does not match."""
    stranger = await new_company(Partner(company.partner.deployment))
    for each in (company, stranger):
        for number in range(20):
            await each.business(name=f"Mill {number:02}")
    async with reads_of(company.partner.deployment) as reads:
        await company.partner.ask("business.list", {"name": "LL 07"})
    (read,) = reads
    assert read["keysExamined"] <= 20 + 1
    assert read["docsExamined"] == 1
