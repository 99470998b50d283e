"""export and access_log: all that is held on a person, and who has had it."""

from typing import Any

import pytest

from schemas.privacy import SECTIONS
from service.auth.scopes import ALL_SCOPES
from tests.client import Partner
from tests.membership.accounts import Accounts
from tests.privacy import people
from tests.privacy.traces import export


async def accesses(partner: Partner, person_id: str, **fields: Any) -> list[dict[str, Any]]:
    """The whole access log of a person, page by page."""
    items, cursor = [], None
    while True:
        body: dict[str, Any] = (
            {"person_id": person_id} | fields | ({"cursor": cursor} if cursor else {})
        )
        page = (await partner.ask("privacy.access_log", body)).done
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


@pytest.mark.parametrize("kind", ["user", "consumer", "dependent", "signer", "contact"])
async def test_every_value_is_in_the_export(partner: Partner, kind: str) -> None:
    """With read:sensitive also the numbers; without, they are masked, and all else is there."""
    if kind == "user":
        somebody = await people.busy_user(partner)
    elif kind == "contact":
        somebody = await people.business_contact(partner)
    else:
        household = await people.household(partner)
        somebody = household[["consumer", "dependent", "signer"].index(kind)]
    # What only names a request is not of the person: a key is kept to know it again by.
    values = {each for each in somebody.values if not each.startswith(("key-", "k"))}
    whole = str(await export(partner, somebody.id))
    assert [each for each in sorted(values) if each not in whole] == []
    token = partner.token(scopes=ALL_SCOPES - {"read:sensitive"})
    masked = str(await export(partner, somebody.id, token))
    assert [each for each in sorted(values) if each not in masked] == sorted(somebody.numbers)


@pytest.mark.parametrize("limit", [1, 2, 500])
async def test_what_is_told_of_what_is_held(partner: Partner, limit: int) -> None:
    """Also what stands in no document any more: why a role was asked for, and was not given."""
    accounts = Accounts(partner)
    owner = await accounts.user()
    member = await accounts.user()
    for _ in range(20):
        account_id = await accounts.open(owner)
        await accounts.add(owner, account_id, member, "admin")
        assert (await accounts.reject(account_id, member)).done
    items = await export(partner, member, limit=limit)
    told = [each["data"] for each in items if each["section"] == "history"]
    kinds = [each["type"] for each in told]
    assert kinds.count("membership.created") == kinds.count("membership.rejected") == 20
    assert len({each["event_id"] for each in told}) == len(told)
    shown = str(told)
    assert all(each in shown for each in ("no papers", "we grow"))


@pytest.mark.parametrize("limit", [1, 3, 500])
async def test_pages_hold_each_item_once_in_the_order_of_the_sections(
    partner: Partner, limit: int
) -> None:
    """However large the pages are; the export itself is no part of it."""
    somebody = await people.busy_user(partner)
    assert (await partner.ask("user.list", {})).done  # an unmasked read
    items = await export(partner, somebody.id, limit=limit)
    sections = [each["section"] for each in items]
    assert sections == sorted(sections, key=SECTIONS.index)
    assert set(sections) == {*SECTIONS}
    assert sections.count("profiles") == 2
    assert sections.count("memberships") == 3
    assert sections.count("access") == 1
    assert len({str(each) for each in items}) == len(items)
    for section in SECTIONS:
        if section != "access":
            of_section = [each for each in items if each["section"] == section]
            assert await export(partner, somebody.id, section=section, limit=limit) == of_section


async def test_a_page_names_the_sections_of_the_export(partner: Partner) -> None:
    """All of them, or the one that was asked for; a cursor is good for its own export."""
    id = await partner.user()
    body = {"person_id": id, "limit": 1}
    page = (await partner.ask("privacy.export", body)).done
    assert page["sections"] == list(SECTIONS)
    one = (await partner.ask("privacy.export", body | {"section": "history"})).done
    assert one["sections"] == ["history"]
    wrong = body | {"section": "history", "cursor": page["next_cursor"]}
    assert (await partner.ask("privacy.export", wrong)).refusal == (400, "INVALID_FORMAT", "cursor")
    unknown = await partner.ask("privacy.export", body | {"section": "secrets"})
    assert unknown.refusal == (400, "NOT_ALLOWED_VALUE", "section")


async def test_a_user_exports_itself_and_nobody_else(partner: Partner) -> None:
    """With its own token, whatever its scopes; nothing of it unmasked."""
    somebody, other = await people.busy_user(partner), await partner.user()
    token = partner.user_token(somebody.id, scopes=[])
    items = await export(partner, somebody.id, token)
    assert {each["section"] for each in items} >= {"record", "memberships", "history"}
    assert not [number for number in somebody.numbers if number in str(items)]
    [consumer, *_] = await people.household(partner)
    for id in (other, consumer.id):
        reply = await partner.ask("privacy.export", {"person_id": id}, token)
        assert reply.refusal == (404, "PERSON_NOT_FOUND", "person_id")
    without = partner.token(scopes=ALL_SCOPES - {"admin:privacy"})
    reply = await partner.ask("privacy.export", {"person_id": other}, without)
    assert reply.refusal == (403, "MISSING_SCOPE", None)


async def test_exports_and_unmasked_reads_are_in_the_access_log(partner: Partner) -> None:
    """Who, whom, when, under which request; each page of an export, and no masked read."""
    [consumer, dependent, _] = await people.household(partner)
    [first] = await accesses(partner, consumer.id)
    assert first["operation"] == "identity.get_consumer"
    request_id = "the-export-of-a-consumer"
    token = partner.token(subject="auditor")
    body = {"person_id": consumer.id}
    reply = await partner.ask("privacy.export", body, token, x_request_id=request_id)
    assert reply.done
    _, line = await accesses(partner, consumer.id)
    assert line.keys() == {"access_id", "person_id", "time", "actor", "request_id", "operation"}
    told = (line["operation"], line["actor"], line["request_id"], line["person_id"])
    assert told == ("privacy.export", "auditor", request_id, consumer.id)
    assert await accesses(partner, dependent.id) == []
    assert (await partner.ask("identity.get_consumer", {"consumer_id": consumer.id})).done
    assert len(await accesses(partner, consumer.id)) == 2
    assert len(await export(partner, dependent.id, limit=1)) == len(
        await accesses(partner, dependent.id)
    )
    assert await accesses(partner, dependent.id, limit=1) == await accesses(partner, dependent.id)
