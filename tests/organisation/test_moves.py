"""svc.business.move: a subtree gets another parent, at one moment, and never a cycle."""

import asyncio
import itertools
from typing import Any
from uuid import uuid4

import pytest

from tests.client import Partner, Reply
from tests.deployment import Deploy
from tests.organisation.company import Company, new_company

HEIGHT = 400
"""Storeys of a tower: walking up it takes longer than a move."""


@pytest.fixture
async def company(partner: Partner) -> Company:
    """A company of this test alone."""
    return await new_company(partner)


async def move(partner: Partner, business_id: str, parent_id: str, **headers: str) -> Reply:
    """Ask for a move."""
    body = {"business_id": business_id, "parent_id": parent_id}
    return await partner.ask("business.move", body, **headers)


async def test_a_move_takes_along_what_is_below(company: Company) -> None:
    """Only the business itself changes: one event, and nothing of its descendants."""
    here, there = await company.business(), await company.business()
    moved = await company.business(parent_id=here)
    below = await company.business(parent_id=moved)
    reply = await move(company.partner, moved, there)
    assert reply.done["parent_id"] == there
    assert reply.version == reply.done["version"] == 2
    assert await company.lineage(below) == [below, moved, there, company.admin_id]
    event = (await company.partner.events(moved, 2))[-1]
    assert event["type"] == "business.moved"
    assert event["data"]["changed"] == ["parent_id"]
    assert event["data"]["business"] == reply.done
    read = await company.partner.ask("business.get", {"business_id": below})
    assert read.version == 1


async def test_a_move_to_where_it_is_changes_nothing(company: Company) -> None:
    """The reply is the same, the version stays."""
    id = await company.business()
    assert (await move(company.partner, id, company.admin_id)).version == 1


async def test_a_move_obeys_if_match(company: Company) -> None:
    """A version that has passed is a conflict."""
    id, parent = await company.business(), await company.business()
    reply = await move(company.partner, id, parent, if_match="2")
    assert reply.refusal == (409, "VERSION_CONFLICT", None)
    assert (await move(company.partner, id, parent, if_match="1")).version == 2


async def test_nothing_goes_below_itself(company: Company) -> None:
    """Neither below itself nor below what is below it, of whatever type that is."""
    top, middle, low = await company.nested(3)
    division = await company.business(business_type="DIVISION", parent_id=low)
    for parent in (top, middle, low, division):
        reply = await move(company.partner, top, parent)
        assert reply.refusal == (409, "CYCLE", "parent_id")
    assert (await move(company.partner, low, top)).done["parent_id"] == top


async def test_a_move_stays_under_the_same_administrator(company: Company) -> None:
    """Another's business, another administrator, and what has none, are no parents."""
    other = await new_company(company.partner)
    id = await company.business(business_type="BUSINESS_PARTY")
    for parent in (await other.business(), other.admin_id, await company.partner.entity()):
        reply = await move(company.partner, id, parent)
        assert reply.refusal == (409, "INVALID_PARENT", "parent_id")


async def test_a_move_obeys_the_rules_of_types(company: Company) -> None:
    """A division cannot stand right under an administrator; a personal entity is no parent."""
    division = await company.business(business_type="DIVISION", parent_id=await company.business())
    reply = await move(company.partner, division, company.admin_id)
    assert reply.refusal == (409, "INVALID_PARENT", "parent_id")


async def test_what_is_not_there_cannot_be_moved(company: Company) -> None:
    """Nor an administrator; nor can anything be moved below what is not there."""
    id, unknown = await company.business(), str(uuid4())
    for business, parent, path in (
        (unknown, id, "business_id"),
        (company.admin_id, id, "business_id"),
        (id, unknown, "parent_id"),
    ):
        reply = await move(company.partner, business, parent)
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", path)


async def test_roots_without_an_administrator_move_below_each_other(partner: Partner) -> None:
    """And back out of it no more: a move needs a parent."""
    one, other = await partner.entity(), await partner.entity()
    assert (await move(partner, one, other)).done["parent_id"] == other
    assert (await move(partner, other, one)).refusal == (409, "CYCLE", "parent_id")


async def test_no_two_moves_make_a_cycle_whatever_races(deploy: Deploy) -> None:
    """On two workers: rings of two and three under a root, rings of roots, all at once."""
    deployment = await deploy(2)
    partner = Partner(deployment)
    company = await new_company(partner)
    for size, _ in itertools.product((2, 3), range(12)):
        rings = [
            [await company.business() for _ in range(size)],
            [await partner.entity() for _ in range(size)],
        ]
        asked = [
            move(partner, id, ring[(at + 1) % size]) for ring in rings for at, id in enumerate(ring)
        ]
        replies = await asyncio.gather(*asked)
        for ring, outcome in zip(rings, (replies[:size], replies[size:]), strict=True):
            assert [reply.status for reply in outcome].count(200) == size - 1
            assert [r.refusal[1] for r in outcome if r.status != 200] == ["CYCLE"]
            lines = [await company.lineage(id) for id in ring]
            assert len({line[-1] for line in lines}) == 1
    assert min(deployment.answered) > 0, "both workers were asked"


async def test_many_moves_under_one_root_all_land(deploy: Deploy) -> None:
    """They take turns, and none is refused for it, also on two workers."""
    deployment = await deploy(2)
    company = await new_company(Partner(deployment))
    parent = await company.business()
    ids = [await company.business() for _ in range(32)]
    replies = await asyncio.gather(*(move(company.partner, id, parent) for id in ids))
    assert {reply.status for reply in replies} == {200}
    administrator = await deployment.database["entities"].find_one({"_id": company.admin_id})
    assert administrator is not None
    assert administrator["tree_version"] == len(ids)
    assert administrator["version"] == 1


async def test_what_is_made_below_a_business_on_the_move_goes_along(company: Company) -> None:
    """A create and a move at the same time both land, in whichever order."""
    here, there = await company.business(), await company.business()
    for _ in range(10):
        moved = await company.business(parent_id=here)
        _, *made = await asyncio.gather(
            move(company.partner, moved, there),
            *(company.business(parent_id=moved) for _ in range(3)),
        )
        for id in made:
            assert await company.lineage(str(id)) == [id, moved, there, company.admin_id]


async def test_no_reader_sees_half_of_a_move_of_ten_thousand(deploy: Deploy) -> None:
    """A subtree of 10,000 leaves a tall tower, the tower moves away and back, the subtree returns.

    So whenever the subtree is in the tower, the tower is at home. A reader that walked up while all
    that happened would find the subtree in the tower, and the tower away.
    """
    deployment = await deploy(2)
    company = await new_company(Partner(deployment))
    entities = deployment.database["entities"]
    home, away, tower, ground = [await company.business() for _ in range(4)]
    await move(company.partner, tower, home)
    storeys = await fill(entities, tower, HEIGHT, nested=True)
    subtree = await company.business(parent_id=storeys[-1])
    leaves = await fill(entities, subtree, 10_000)
    root = company.admin_id
    ways = [[leaves[-1], subtree, *reversed(storeys), tower, home, root]]
    ways.append([leaves[-1], subtree, ground, root])
    seen = [0, 0]
    done = asyncio.Event()

    async def read() -> None:
        while not done.is_set():
            seen[ways.index(await company.lineage(leaves[-1]))] += 1

    async def swing() -> None:
        try:
            for _ in range(10):
                for business, parent in (
                    (subtree, ground),
                    (tower, away),
                    (tower, home),
                    (subtree, storeys[-1]),
                ):
                    assert (await move(company.partner, business, parent)).status == 200
        finally:
            done.set()

    await asyncio.gather(swing(), *(read() for _ in range(4)))
    assert min(seen) > 0, "both ways were seen"


async def test_ten_thousand_below_one_business_stay_usable(company: Company) -> None:
    """They are paged in the order of their ids, each once, while the business moves about."""
    here, there = await company.business(), await company.business()
    moved = await company.business(parent_id=here)
    entities = company.partner.deployment.database["entities"]
    leaves = await fill(entities, moved, 10_000)
    found: list[str] = []
    body: dict[str, Any] = {"business_id": moved, "limit": 500}
    for parent in itertools.cycle((there, here)):
        assert (await move(company.partner, moved, parent)).status == 200
        page = (await company.partner.ask("business.descendants", body)).done
        found += [each["business_id"] for each in page["items"]]
        body["cursor"] = page["next_cursor"]
        if body["cursor"] is None:
            break
    assert found == leaves


async def fill(entities: Any, parent: str, count: int, *, nested: bool = False) -> list[str]:
    """Put businesses below one, or below each other, as if each had been asked for."""
    template = await entities.find_one({"_id": parent})
    template.pop("idempotency", None)
    ids = sorted(str(uuid4()) for _ in range(count))
    parents = [parent, *ids] if nested else [parent] * count
    await entities.insert_many(
        {**template, "_id": id, "ein": None, "parent_id": above, "outbox": []}
        for id, above in zip(ids, parents, strict=False)
    )
    return ids
