"""get_person and find_by_ssn: anyone, by id alone or by number, in one round trip."""

import asyncio
from uuid import uuid4

import pytest

from service.auth.scopes import ALL_SCOPES, Scope
from tests.client import Partner
from tests.identity.people import (
    business,
    consumer,
    contact,
    dependent,
    new_consumer,
    protected,
    signer,
    ssn,
)
from tests.identity.profile import profiled
from tests.organisation.company import new_person

NO_ONE = "018f0000-0000-7000-8000-000000000000"


async def everyone(partner: Partner) -> dict[str, dict[str, object]]:
    """One person of each type, by id, as get_person should show them."""
    business_id = await partner.entity()
    consumer_id = await consumer(partner, business_id)
    ids = {
        "CONSUMER": consumer_id,
        "DEPENDENT": await dependent(partner, consumer_id),
        "AUTHORIZED_SIGNER": await signer(partner, consumer_id),
        "BUSINESS_CONTACT": await contact(partner, business_id),
        "USER": await partner.user(business_id),
    }
    names = {
        "CONSUMER": ("Ada", "M", "Lovelace"),
        "DEPENDENT": ("Byron", None, "Lovelace"),
        "AUTHORIZED_SIGNER": ("Mary", None, "Somerville"),
        "BUSINESS_CONTACT": ("Charles", None, "Babbage"),
        "USER": ("Thandi", None, "Nkosi"),
    }
    anchored = {"DEPENDENT", "AUTHORIZED_SIGNER"}
    return {
        id: {
            "person_id": id,
            "type": type,
            **dict(zip(("first_name", "middle_name", "last_name"), names[type], strict=True)),
            "business_id": business_id,
            "consumer_id": consumer_id if type in anchored else None,
        }
        for type, id in ids.items()
    }


async def test_each_of_the_five_by_id_alone_in_one_round_trip(partner: Partner) -> None:
    """Whatever the person is, alone in flight it costs one command, the first time and later."""
    for id, expected in list((await everyone(partner)).items()) * 2:
        async with profiled(partner.deployment) as commands:
            reply = await partner.ask("identity.get_person", {"person_id": id})
        assert (reply.done, reply.version) == (expected, 1)
        assert len(commands) == 1, commands


async def test_coalesced_when_not_alone(partner: Partner) -> None:
    """A hundred at once, of all five types, share a few round trips."""
    people = list((await everyone(partner)).items()) * 20
    async with profiled(partner.deployment) as commands:
        replies = await asyncio.gather(
            *(partner.ask("identity.get_person", {"person_id": id}) for id, _ in people)
        )
    assert [reply.done for reply in replies] == [expected for _, expected in people]
    assert 1 <= len(commands) <= 30


async def test_business_is_the_consumers_as_it_is_now(partner: Partner) -> None:
    """When a consumer moves, those who are anchored to it are seen in its new business."""
    here = str(uuid4())
    first, second = await business(partner, here), await business(partner, here)
    consumer_id = await consumer(partner, first)
    id = await dependent(partner, consumer_id)
    for business_id in (first, second, first):
        body = {"consumer_id": consumer_id, "business_id": business_id}
        await partner.ask("identity.update_consumer", body)
        reply = await partner.ask("identity.get_person", {"person_id": id})
        assert reply.done["business_id"] == business_id
        assert reply.version == 1, "of the dependent, which stays as it is"


async def test_user_of_a_personal_entity(partner: Partner) -> None:
    """It has no business: what it belongs to is not one."""
    id = (await partner.ask("entity.create", new_person())).done["userId"]
    for _ in range(2):
        person = (await partner.ask("identity.get_person", {"person_id": id})).done
        assert (person["type"], person["business_id"]) == ("USER", None)


async def test_nobody(partner: Partner) -> None:
    """An id that is nobody's, or another partner's person's, is not found."""
    elsewhere = await consumer(Partner(partner.deployment))
    for id in (NO_ONE, elsewhere, await partner.entity()):
        reply = await partner.ask("identity.get_person", {"person_id": id})
        assert reply.refusal == (404, "PERSON_NOT_FOUND", "person_id")


async def test_a_users_token_reaches_itself_only(partner: Partner) -> None:
    """It resolves its own id; everybody else is not found, lists are empty, changes refused."""
    people = await everyone(partner)
    own = next(id for id, person in people.items() if person["type"] == "USER")
    token = partner.user_token(own)
    for id, expected in people.items():
        reply = await partner.ask("identity.get_person", {"person_id": id}, token)
        if id == own:
            assert reply.done == expected
        else:
            assert reply.refusal == (404, "PERSON_NOT_FOUND", "person_id")
    consumer_id, *_ = people
    for title in ("get_consumer", "household", "list_dependents", "list_authorized_signers"):
        reply = await partner.ask(f"identity.{title}", {"consumer_id": consumer_id}, token)
        assert reply.refusal == (404, "PERSON_NOT_FOUND", "consumer_id")
    assert (await partner.ask("identity.list_consumers", {}, token)).done["items"] == []
    body = {"business_id": people[own]["business_id"]}
    reply = await partner.ask("identity.list_business_contacts", body, token)
    assert reply.done["items"] == []
    for id in (await partner.entity(), NO_ONE):
        body = {"business_id": id}
        reply = await partner.ask("identity.list_business_contacts", body, token)
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "business_id")
        assert (await partner.ask("identity.list_consumers", body, token)).done["items"] == []
    reply = await partner.ask("identity.create_consumer", new_consumer(NO_ONE), token)
    assert reply.refusal == (403, "MISSING_SCOPE", None)
    reply = await partner.ask("identity.find_by_ssn", {"ssn": "555441234"}, token)
    assert reply.refusal == (403, "MISSING_SCOPE", None)


class TestFindBySsn:
    async def test_everyone_who_has_the_number(self, partner: Partner) -> None:
        """Consumer, dependent and signer, oldest first; hyphens make no difference."""
        number = ssn()
        own = protected(number)
        consumer_id = await consumer(partner, protected_personal_data=own)
        ids = [
            consumer_id,
            await dependent(partner, consumer_id, protected_personal_data=own),
            await signer(partner, consumer_id, protected_personal_data=own),
        ]
        await consumer(Partner(partner.deployment), protected_personal_data=own)
        for form in (number, f"{number[:3]}-{number[3:5]}-{number[5:]}"):
            people = (await partner.ask("identity.find_by_ssn", {"ssn": form})).done["items"]
            assert [person["person_id"] for person in people] == ids
        expected = [
            (await partner.ask("identity.get_person", {"person_id": id})).done for id in ids
        ]
        assert people == expected
        reply = await partner.ask("identity.find_by_ssn", {"ssn": ssn()})
        assert reply.done == {"items": []}

    async def test_by_index(self, partner: Partner) -> None:
        """The search reads the keys of those who are found, and no other person."""
        number = ssn()
        await consumer(partner, protected_personal_data=protected(number))
        for _ in range(5):
            await consumer(partner)
        async with profiled(partner.deployment) as commands:
            await partner.ask("identity.find_by_ssn", {"ssn": number})
        search = commands[0]
        assert search["planSummary"].startswith("IXSCAN { partner: 1, social_security_number_hash")
        assert (search["keysExamined"], search["docsExamined"], search["nreturned"]) == (1, 1, 1)
        assert number not in str(commands)

    @pytest.mark.parametrize("missing", [Scope.READ_PERSON, Scope.READ_SENSITIVE])
    async def test_two_scopes(self, partner: Partner, missing: Scope) -> None:
        """It takes both, and says which is missing before it looks at the request."""
        token = partner.token(scopes=ALL_SCOPES - {missing})
        reply = await partner.ask("identity.find_by_ssn", {}, token)
        assert reply.refusal == (403, "MISSING_SCOPE", None)
        assert reply.body["errors"][0]["arguments"] == [missing]
