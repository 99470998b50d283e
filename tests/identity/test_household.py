"""Dependents, signers and the household: anchored to a consumer, a hundred of each at most."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.client import Partner
from tests.deployment import Deploy
from tests.identity.people import (
    ADDRESS,
    COMMON,
    PHONE,
    consumer,
    contact,
    dependent,
    new_contact,
    new_dependent,
    new_signer,
    protected,
    signer,
)
from tests.identity.profile import profiled

NO_ONE = "018f0000-0000-7000-8000-000000000000"
ROLES = {
    "dependent": (new_dependent, "list_dependents"),
    "authorized_signer": (new_signer, "list_authorized_signers"),
}
Make = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("role", list(ROLES))
class TestMembers:
    async def test_created_and_listed(self, partner: Partner, role: str) -> None:
        """The reply and the event have everything; a list has the blocks asked for."""
        make, listing = ROLES[role]
        consumer_id = await consumer(partner)
        request = make(consumer_id)
        number = request["protected_personal_data"]["social_security_number"]
        masked = protected(f"xxx-xx-{number[-4:]}")
        reply = await partner.ask(f"identity.create_{role}", request)
        id = reply.done[f"{role}_id"]
        expected = request | {"middle_name": None, "protected_personal_data": masked}
        assert reply.done.keys() == expected.keys() | {f"{role}_id"} | COMMON
        assert {name: reply.done[name] for name in expected} == expected
        [event] = await partner.events(id, 1)
        assert event["type"] == f"identity.{role}_created"
        assert event["data"] == {
            f"{role}_id": id,
            "consumer_id": consumer_id,
            "changed": sorted(request),
            role: reply.done,
        }
        blocks = {"protected_personal_data", "address", "phone"}
        body: dict[str, object] = {"consumer_id": consumer_id}
        [plain] = (await partner.ask(f"identity.{listing}", body)).done["items"]
        assert plain == {k: v for k, v in reply.done.items() if k not in blocks}
        body["expand"] = "PROTECTED_PERSONAL_DATA"
        [item] = (await partner.ask(f"identity.{listing}", body)).done["items"]
        assert item == plain | {"protected_personal_data": masked}
        body["expand"] = "EMPLOYMENT"
        refused = (await partner.ask(f"identity.{listing}", body)).refusal
        assert refused[:2] == (400, "NOT_ALLOWED_VALUE")

    async def test_changed(self, partner: Partner, role: str) -> None:
        """Only what is sent changes, told by the event; what is not different is no change."""
        make, _ = ROLES[role]
        created = await partner.ask(f"identity.create_{role}", make(await consumer(partner)))
        before = created.done
        body = {f"{role}_id": before[f"{role}_id"], "status": "ARCHIVED"}
        reply = await partner.ask(f"identity.update_{role}", body, if_match="1")
        assert reply.done == before | {
            "status": "ARCHIVED",
            "version": 2,
            "updated_at": reply.done["updated_at"],
        }
        assert (await partner.ask(f"identity.update_{role}", body)).version == 2
        events = await partner.events(before[f"{role}_id"], 2)
        assert [event["type"] for event in events[1:]] == [f"identity.{role}_updated"]
        assert events[1]["data"]["changed"] == ["status"]
        reply = await partner.ask(f"identity.update_{role}", body, if_match="1")
        assert reply.refusal == (409, "VERSION_CONFLICT", None)

    async def test_anchored_to_a_consumer_only(self, partner: Partner, role: str) -> None:
        """Nobody, another partner's consumer, and one who is no consumer are not found."""
        make, listing = ROLES[role]
        there = await consumer(partner)
        for id in (
            NO_ONE,
            await consumer(Partner(partner.deployment)),
            await dependent(partner, there),
            await partner.user(),
        ):
            for title, body in ((f"create_{role}", make(id)), (listing, {"consumer_id": id})):
                reply = await partner.ask(f"identity.{title}", body)
                assert reply.refusal == (404, "PERSON_NOT_FOUND", "consumer_id")

    async def test_an_id_of_another_role(self, partner: Partner, role: str) -> None:
        """What is no dependent cannot be changed as one."""
        there = await consumer(partner)
        other = await (signer if role == "dependent" else dependent)(partner, there)
        for id in (there, other, NO_ONE):
            reply = await partner.ask(f"identity.update_{role}", {f"{role}_id": id})
            assert reply.refusal == (404, "PERSON_NOT_FOUND", f"{role}_id")


async def test_at_most_a_hundred_of_each_however_many_race(deploy: Deploy) -> None:
    """130 of each at once, on two workers: 100 are made, 30 refused, and the next one too."""
    partner = Partner(await deploy(2))
    consumer_id = await consumer(partner)
    makers = {f"identity.create_{role}": make for role, (make, _) in ROLES.items()}
    requests = [(title, make(consumer_id)) for title, make in makers.items() for _ in range(130)]

    async def insist(title: str, body: dict[str, Any]) -> Any:
        """Ask again after a 503, which says that it may be."""
        key = f"{title}{id(body)}"
        while (reply := await partner.ask(title, body, idempotency_key=key)).status == 503:
            pass
        return reply

    replies = await asyncio.gather(*(insist(title, body) for title, body in requests))
    for part in (replies[:130], replies[130:]):
        refused = [reply.refusal for reply in part if reply.status != 200]
        assert refused == [(409, "LIMIT_REACHED", "consumer_id")] * 30
    household = (await partner.ask("identity.household", {"consumer_id": consumer_id})).done
    assert len(household["dependents"]) == len(household["authorized_signers"]) == 100
    for worker in partner.deployment.workers:
        assert sum(endpoint.requests for endpoint in worker.server.endpoints), "it took part"


async def test_a_repeat_when_all_slots_are_taken(partner: Partner) -> None:
    """Who made the last one and asks again with the same key gets the same reply, no refusal."""
    consumer_id = await consumer(partner)
    requests = [new_dependent(consumer_id) for _ in range(100)]
    for number, body in enumerate(requests):
        reply = await partner.ask("identity.create_dependent", body, idempotency_key=f"{number}")
        assert reply.status == 200
    again = await partner.ask("identity.create_dependent", requests[99], idempotency_key="99")
    assert again.done == reply.done
    refused = await partner.ask("identity.create_dependent", requests[0])
    assert refused.refusal == (409, "LIMIT_REACHED", "consumer_id")


class TestHousehold:
    async def test_each_part_as_its_own_list_gives_it(self, partner: Partner) -> None:
        """A block goes to those who have it; the order is that of creation."""
        id = await consumer(partner)
        people = [await dependent(partner, id) for _ in range(3)]
        signers = [await signer(partner, id) for _ in range(2)]
        await dependent(partner, await consumer(partner))
        for expand in ([], ["ADDRESSES", "EMPLOYMENT", "PROTECTED_PERSONAL_DATA"]):
            for mode in ("MASKED", "LAST4", "UNMASKED"):
                body = {"consumer_id": id, "expand": expand, "ssn_mode": mode}
                household = (await partner.ask("identity.household", body)).done
                assert (
                    household["consumer"] == (await partner.ask("identity.get_consumer", body)).done
                )
                assert [each["dependent_id"] for each in household["dependents"]] == people
                body["expand"] = [name for name in expand if name == "PROTECTED_PERSONAL_DATA"]
                listed = (await partner.ask("identity.list_dependents", body)).done
                assert household["dependents"] == listed["items"]
                body["expand"] = [name for name in expand if name != "EMPLOYMENT"]
                listed = (await partner.ask("identity.list_authorized_signers", body)).done
                assert household["authorized_signers"] == listed["items"]
                found = [each["authorized_signer_id"] for each in listed["items"]]
                assert found == signers

    async def test_in_at_most_three_round_trips(self, partner: Partner) -> None:
        """It takes two: the consumer, and all who are anchored to it."""
        id = await consumer(partner)
        for _ in range(3):
            await dependent(partner, id)
            await signer(partner, id)
        body = {"consumer_id": id, "expand": "PROTECTED_PERSONAL_DATA,ADDRESSES"}
        async with profiled(partner.deployment) as commands:
            household = (await partner.ask("identity.household", body)).done
        assert len(household["dependents"]) + len(household["authorized_signers"]) == 6
        assert len(commands) == 2


async def test_business_contacts(partner: Partner) -> None:
    """Created, listed page by page, changed."""
    business_id = await partner.entity()
    request = new_contact(business_id)
    created = (await partner.ask("identity.create_business_contact", request)).done
    assert created.keys() == request.keys() | {"business_contact_id", "middle_name"} | COMMON
    assert (created["phone"], created["address"]) == (PHONE, ADDRESS)
    id = created["business_contact_id"]
    others = [await contact(partner, business_id) for _ in range(2)]
    await contact(partner, await partner.entity())
    body: dict[str, object] = {"business_id": business_id, "limit": 2}
    page = (await partner.ask("identity.list_business_contacts", body)).done
    body["cursor"] = page["next_cursor"]
    last = (await partner.ask("identity.list_business_contacts", body)).done
    listed = page["items"] + last["items"]
    assert [each["business_contact_id"] for each in listed] == [id, *others]
    assert (listed[0], last["next_cursor"]) == (created, None)
    change = {"business_contact_id": id, "title": "Retired"}
    reply = await partner.ask("identity.update_business_contact", change)
    assert (reply.done["title"], reply.version) == ("Retired", 2)
    events = await partner.events(id, 2)
    assert [event["type"] for event in events] == [
        "identity.business_contact_created",
        "identity.business_contact_updated",
    ]
    reply = await partner.ask("identity.list_business_contacts", {"business_id": NO_ONE})
    assert reply.refusal == (404, "ENTITY_NOT_FOUND", "business_id")
