"""svc.administrator: the roots of domains, one for each Idempotency-Key."""

import asyncio

from tests.client import Partner, events_on, is_uuid
from tests.deployment import Deploy
from tests.organisation.company import (
    create_administrator,
    ein,
    new_administrator,
    new_business,
    new_company,
)


async def test_an_administrator_is_read_as_it_was_made(partner: Partner) -> None:
    """Every field comes back, the EIN with its hyphen, and an event tells of it."""
    made = await create_administrator(
        partner,
        administrator_code="TPA",
        business_name="Benefits",
        business_ein="987654321",
        business_alias="ben",
        business_exchange_id="x-1",
    )
    id = made.done["administrator_id"]
    assert is_uuid(id)
    assert made.done == {
        "administrator_id": id,
        "administrator_code": "TPA",
        "business_name": "Benefits",
        "business_ein": "98-7654321",
        "business_alias": "ben",
        "business_exchange_id": "x-1",
        "created_at": made.done["created_at"],
        "version": 1,
    }
    read = await partner.ask("administrator.get", {"administrator_id": id})
    assert read.done == made.done
    assert read.version == 1
    (event,) = await partner.events(id, 1)
    assert event["type"] == "administrator.created"
    assert event["data"]["administrator"] == made.done
    assert "business_ein" in event["data"]["changed"]


async def test_without_an_idempotency_key_there_is_none(partner: Partner) -> None:
    """The key is required, and its absence is a refusal that changes nothing."""
    reply = await partner.ask("administrator.create", new_administrator())
    assert reply.refusal == (400, "IDEMPOTENCY_KEY_REQUIRED", "Idempotency-Key")
    assert (await partner.ask("administrator.list")).done["items"] == []


async def test_twenty_racing_retries_on_two_workers_make_one(deploy: Deploy) -> None:
    """All twenty get the same reply; there is one administrator and one event."""
    deployment = await deploy(2)
    partner = Partner(deployment)
    body = new_administrator()
    replies = await asyncio.gather(
        *(partner.ask("administrator.create", body, idempotency_key="once") for _ in range(20))
    )
    assert len({str(reply.done) for reply in replies}) == 1
    assert sum("Idempotency-Replayed" not in reply.headers for reply in replies) == 1
    assert min(deployment.answered) > 0, "both workers were asked"
    listed = (await partner.ask("administrator.list")).done["items"]
    assert listed == [replies[0].done]
    await partner.events(listed[0]["administrator_id"], 1)
    events = await events_on(deployment, f"evt.administrator.{partner.name}.>")
    assert [event["type"] for event in events] == ["administrator.created"]


async def test_a_key_sent_twice_with_other_content_is_a_conflict(partner: Partner) -> None:
    """The key says which request it is; another one is refused, and makes nothing."""
    await create_administrator(partner, "key")
    reply = await create_administrator(partner, "key")
    assert reply.refusal == (409, "IDEMPOTENCY_KEY_REUSED", None)
    assert len((await partner.ask("administrator.list")).done["items"]) == 1


async def test_of_twenty_with_one_ein_on_two_workers_one_is_made(deploy: Deploy) -> None:
    """Administrators and businesses share the EINs of a partner, however many race for one."""
    deployment = await deploy(2)
    partner = Partner(deployment)
    company, taken = await new_company(partner), ein()
    replies = await asyncio.gather(
        *(create_administrator(partner, business_ein=taken) for _ in range(10)),
        *(
            partner.ask("business.create", new_business(company.admin_id, ein=taken))
            for _ in range(10)
        ),
    )
    refused = [reply for reply in replies if reply.status != 200]
    assert len(refused) == 19
    assert {reply.refusal for reply in refused} <= {
        (409, "NOT_UNIQUE", "business_ein"),
        (409, "NOT_UNIQUE", "ein"),
    }
    assert min(deployment.answered) > 0, "both workers were asked"
    elsewhere = await create_administrator(Partner(deployment), business_ein=taken)
    assert elsewhere.status == 200, "another partner's EINs are its own"


async def test_administrators_are_listed_in_pages(partner: Partner) -> None:
    """The list holds administrators only, in the order of their creation."""
    ids = [(await new_company(partner)).admin_id for _ in range(3)]
    company = await new_company(partner)
    await company.business()
    first = (await partner.ask("administrator.list", {"limit": 3})).done
    assert [each["administrator_id"] for each in first["items"]] == ids
    rest = await partner.ask("administrator.list", {"limit": 3, "cursor": first["next_cursor"]})
    assert [each["administrator_id"] for each in rest.done["items"]] == [company.admin_id]
    assert rest.done["next_cursor"] is None


async def test_what_is_no_administrator_is_not_found_as_one(partner: Partner) -> None:
    """A business's id, and another partner's administrator, are 404."""
    company = await new_company(partner)
    other = await new_company(Partner(partner.deployment))
    for id in (await company.business(), other.admin_id):
        reply = await partner.ask("administrator.get", {"administrator_id": id})
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "administrator_id")
