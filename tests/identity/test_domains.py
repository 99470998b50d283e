"""Lists of consumers, and what a token under an administrator gets to see."""

from typing import Any
from uuid import uuid4

import pytest

from tests.client import Partner
from tests.identity.people import (
    business,
    consumer,
    contact,
    dependent,
    new_consumer,
    new_contact,
    new_dependent,
    new_signer,
    protected,
    signer,
    ssn,
)
from tests.organisation.company import new_company


async def listed(partner: Partner, token: str | None = None, **filters: object) -> list[str]:
    """The ids of all consumers that a list gives, three to a page."""
    ids: list[str] = []
    body: dict[str, object] = {"limit": 3, **filters}
    while True:
        page = (await partner.ask("identity.list_consumers", body, token)).done
        ids += [item["consumer_id"] for item in page["items"]]
        assert len(page["items"]) <= 3
        if page["next_cursor"] is None:
            return ids
        body["cursor"] = page["next_cursor"]


async def test_list_filters(partner: Partner) -> None:
    """By business and all below it, by last name whatever the case, both, or none; in order."""
    root = await business(partner)
    below = await business(partner, parent_id=root)
    bottom = await business(partner, parent_id=below)
    beside = await business(partner)
    homes = [root, below, bottom, beside, bottom, root, beside]
    names = ["Weiß", "WEISS", "Weisz", "weiss", "Smith", "Smith", "Smith"]
    ids = [
        await consumer(partner, home, last_name=name)
        for home, name in zip(homes, names, strict=True)
    ]
    await dependent(partner, ids[0], last_name="Weiss")
    everyone = list(zip(ids, homes, names, strict=True))
    trees = {root: {root, below, bottom}, below: {below, bottom}, beside: {beside}}
    assert await listed(partner) == ids
    for home, tree in trees.items():
        expected = [id for id, its, _ in everyone if its in tree]
        assert await listed(partner, business_id=home) == expected
        expected = [id for id, its, name in everyone if its in tree and name == "Smith"]
        assert await listed(partner, business_id=home, last_name="SMITH") == expected
    weiss = [id for id, _, name in everyone if name.casefold() == "weiss"]
    assert await listed(partner, last_name="weiss") == weiss
    assert await listed(partner, last_name="Nobody") == []
    zoe = await consumer(partner, beside, last_name="Zoe\u0308")
    for name in ("ZO\u00cb", "ZOE\u0308"):
        assert await listed(partner, last_name=name) == [zoe], "however it is composed"
    elsewhere = Partner(partner.deployment)
    for asking, id in ((partner, str(uuid4())), (elsewhere, root)):
        reply = await asking.ask("identity.list_consumers", {"business_id": id})
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "business_id")


async def test_a_large_tree(partner: Partner) -> None:
    """With more businesses than an index by business is merged for, the list is the same."""
    root = await business(partner)
    branches = [await business(partner, parent_id=root) for _ in range(220)]
    homes = [branches[0], root, branches[219], await business(partner), branches[100]]
    ids = [await consumer(partner, home) for home in homes]
    del ids[3]
    assert await listed(partner, business_id=root) == ids


async def test_under_an_administrator(partner: Partner) -> None:
    """Its id lists all under it, whoever asks; to a token of another it is nobody's."""
    company = await new_company(partner)
    top = await company.business()
    below = await company.business(parent_id=top)
    ids = [await consumer(partner, home) for home in (company.admin_id, below, top)]
    await consumer(partner)
    for token in (partner.all_rights, company.token):
        assert await listed(partner, token, business_id=company.admin_id) == ids
        assert await listed(partner, token, business_id=top) == ids[1:]
    other = (await new_company(partner)).token
    assert await listed(partner, other, business_id=company.admin_id) == []


@pytest.mark.parametrize("cursor", ["", "made-up", "A" * 40])
async def test_made_up_cursor(partner: Partner, cursor: str) -> None:
    """A cursor that no list gave out is refused."""
    reply = await partner.ask("identity.list_consumers", {"cursor": cursor})
    assert reply.refusal == (400, "INVALID_FORMAT", "cursor")


async def test_another_domain_is_invisible(partner: Partner) -> None:
    """A token of one administrator sees nobody under another, in no operation."""
    mine, other = str(uuid4()), str(uuid4())
    token = partner.token(domain=mine)
    number = ssn()
    there = await business(partner, other)
    ids: dict[str, str] = {}
    for home in (there, await partner.entity()):
        id = await consumer(partner, home, protected_personal_data=protected(number))
        ids |= {
            "consumer": id,
            "dependent": await dependent(partner, id),
            "authorized_signer": await signer(partner, id),
            "business_contact": await contact(partner, home),
        }
        not_found = (404, "PERSON_NOT_FOUND")
        for role, person in ids.items():
            reply = await partner.ask("identity.get_person", {"person_id": person}, token)
            assert reply.refusal == (*not_found, "person_id")
            reply = await partner.ask(f"identity.update_{role}", {f"{role}_id": person}, token)
            assert reply.refusal == (*not_found, f"{role}_id")
        body: dict[str, Any] = {"consumer_id": id}
        for title in ("get_consumer", "household", "list_dependents", "list_authorized_signers"):
            reply = await partner.ask(f"identity.{title}", body, token)
            assert reply.refusal == (*not_found, "consumer_id")
        for title, body in (
            ("create_dependent", new_dependent(id)),
            ("create_authorized_signer", new_signer(id)),
        ):
            reply = await partner.ask(f"identity.{title}", body, token)
            assert reply.refusal == (*not_found, "consumer_id")
        for title, body in (
            ("create_consumer", new_consumer(home)),
            ("create_business_contact", new_contact(home)),
        ):
            reply = await partner.ask(f"identity.{title}", body, token)
            assert reply.refusal == (403, "OUTSIDE_DOMAIN", "business_id")
        body = {"business_id": home}
        reply = await partner.ask("identity.list_business_contacts", body, token)
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "business_id")
        assert await listed(partner, token, business_id=home) == []
    assert await listed(partner, token) == []
    reply = await partner.ask("identity.find_by_ssn", {"ssn": number}, token)
    assert reply.done == {"items": []}


async def test_ones_own_domain(partner: Partner) -> None:
    """A token of an administrator works with all who are under it, and moves none out of it."""
    mine = str(uuid4())
    token = partner.token(domain=mine)
    home, outside = await business(partner, mine), await business(partner, str(uuid4()))
    number = ssn()
    request = new_consumer(home, protected_personal_data=protected(number))
    id = (await partner.ask("identity.create_consumer", request, token)).done["consumer_id"]
    body = new_dependent(id, protected_personal_data=protected(number))
    member = (await partner.ask("identity.create_dependent", body, token)).done["dependent_id"]
    await consumer(partner, outside)
    assert await listed(partner, token) == [id]
    assert await listed(partner, token, business_id=home) == [id]
    reply = await partner.ask("identity.household", {"consumer_id": id}, token)
    assert [each["dependent_id"] for each in reply.done["dependents"]] == [member]
    people = (await partner.ask("identity.find_by_ssn", {"ssn": number}, token)).done["items"]
    assert [person["person_id"] for person in people] == [id, member]
    change = {"consumer_id": id, "business_id": outside}
    reply = await partner.ask("identity.update_consumer", change, token)
    assert reply.refusal == (403, "OUTSIDE_DOMAIN", "business_id")
