"""Consumers: what is kept, what is shown, and which blocks are read for it."""

from typing import Any
from uuid import uuid4

import pytest

from tests.client import Partner
from tests.identity.people import (
    ADDRESS,
    BLOCKS,
    COMMON,
    business,
    consumer,
    new_consumer,
    protected,
    ssn,
)

NO_ONE = "018f0000-0000-7000-8000-000000000000"


async def test_consumer_is_created_with_its_event(partner: Partner) -> None:
    """The reply has every block, numbers masked; the one event tells the same."""
    request = new_consumer(await partner.entity(), protected_personal_data=protected("555441234"))
    reply = await partner.ask("identity.create_consumer", request)
    shown = reply.done
    assert reply.version == 1
    expected = request | {
        "protected_personal_data": protected("xxx-xx-1234"),
        "identification": request["identification"]
        | {
            "identification_number": "xxxxx"
            + request["identification"]["identification_number"][-4:]
        },
    }
    assert {name: shown[name] for name in expected} == expected
    assert shown.keys() == expected.keys() | {"consumer_id"} | COMMON
    [event] = await partner.events(shown["consumer_id"], 1)
    assert event["type"] == "identity.consumer_created"
    assert event["data"] == {
        "consumer_id": shown["consumer_id"],
        "business_id": request["business_id"],
        "changed": sorted(request),
        "consumer": shown,
    }


async def test_names_and_a_business_are_enough(partner: Partner) -> None:
    """What is not told of a consumer is UNKNOWN, or null."""
    body = {"business_id": await partner.entity(), "first_name": "A", "last_name": "B"}
    shown = (await partner.ask("identity.create_consumer", body)).done
    assert (shown["gender"], shown["marital_status"]) == ("UNKNOWN", "UNKNOWN")
    assert [shown[name] for name in ("middle_name", *BLOCKS.values())] == [None] * 8


async def test_repeated_with_its_key(partner: Partner) -> None:
    """The same request with the same key is the same consumer; another request is refused."""
    body = new_consumer(await partner.entity())
    first = await partner.ask("identity.create_consumer", body, idempotency_key="once")
    again = await partner.ask("identity.create_consumer", body, idempotency_key="once")
    assert again.done == first.done
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await partner.ask(
        "identity.create_consumer", body | {"first_name": "Eve"}, idempotency_key="once"
    )
    assert other.refusal == (409, "IDEMPOTENCY_KEY_REUSED", None)


@pytest.mark.parametrize("title", ["identity.create_consumer", "identity.create_business_contact"])
async def test_nothing_is_anchored_to_what_is_no_business(partner: Partner, title: str) -> None:
    """An unknown business, another partner's, and a personal entity are all not found."""
    body = {"first_name": "A", "last_name": "B"}
    personal = await business(partner, entity_type="personal")
    elsewhere = await Partner(partner.deployment).entity()
    for id in (NO_ONE, elsewhere, personal):
        reply = await partner.ask(title, body | {"business_id": id})
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "business_id")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("000-12-3456", "NOT_ALLOWED_VALUE"),
        ("666123456", "NOT_ALLOWED_VALUE"),
        ("900-12-3456", "NOT_ALLOWED_VALUE"),
        ("999-12-3456", "NOT_ALLOWED_VALUE"),
        ("123-00-4567", "NOT_ALLOWED_VALUE"),
        ("123-45-0000", "NOT_ALLOWED_VALUE"),
        ("12345678", "INVALID_FORMAT"),
        ("1234567890", "INVALID_FORMAT"),
        ("123 45 6789", "INVALID_FORMAT"),
        ("12345678٣", "INVALID_FORMAT"),
        ("", "INVALID_FORMAT"),
    ],
)
async def test_numbers_that_were_never_issued(partner: Partner, number: str, code: str) -> None:
    """Areas 000, 666 and 9xx, group 00 and serial 0000 are refused, as is any other form."""
    body = new_consumer(NO_ONE, protected_personal_data=protected(number))
    reply = await partner.ask("identity.create_consumer", body)
    path = "protected_personal_data.social_security_number"
    assert reply.refusal == (400, code, path)
    assert (await partner.ask("identity.find_by_ssn", {"ssn": number})).refusal == (
        400,
        code,
        "ssn",
    )


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"gender": "OTHER"}, "gender"),
        ({"marital_status": "DIVORCED"}, "marital_status"),
        (
            {"addresses": {"home_address": {**ADDRESS, "country": "US"}}},
            "addresses.home_address.country",
        ),
        ({"addresses": {"home_address": {"line1": "x"}}}, "addresses.home_address.city"),
        (
            {"phone_numbers": {"home_phone": {"area_code": "123456", "number": "1"}}},
            "phone_numbers.home_phone.area_code",
        ),
        (
            {"email_addresses": {"primary": {"address": "nobody"}}},
            "email_addresses.primary.address",
        ),
        ({"citizenship": {"citizenship": "MARTIAN"}}, "citizenship.citizenship"),
        (
            {"identification": {"identification_type": "BADGE"}},
            "identification.identification_type",
        ),
        ({"employment": {"status": "BORED"}}, "employment.status"),
        (
            {"protected_personal_data": {"social_security_number": "555441234"}},
            "protected_personal_data.date_of_birth",
        ),
        (
            {"protected_personal_data": {**protected(), "date_of_death": "1970-01-01"}},
            "protected_personal_data.date_of_death",
        ),
        (
            {"identification": {"issue_date": "2020-01-02", "expiration_date": "2020-01-01"}},
            "identification.expiration_date",
        ),
        ({"nickname": "Al"}, "nickname"),
    ],
)
async def test_rules_of_the_fields(partner: Partner, fields: dict[str, Any], path: str) -> None:
    """A field that breaks its rule is refused by its path, also in an update."""
    body = new_consumer(NO_ONE) | fields
    status, _, found = (await partner.ask("identity.create_consumer", body)).refusal
    assert (status, found) == (400, path)
    id = await consumer(partner, protected_personal_data=None)
    reply = await partner.ask("identity.update_consumer", {"consumer_id": id} | fields)
    status, _, found = reply.refusal
    assert (status, found) == (400, path)


class TestExpand:
    @pytest.mark.parametrize("form", [list, ",".join])
    async def test_blocks_asked_for(self, partner: Partner, form: Any) -> None:
        """A reply has the blocks that are asked for, by list or between commas, and no other."""
        id = await consumer(partner)
        for asked in ([], ["ADDRESSES"], ["CITIZENSHIP", "EMPLOYMENT"], list(BLOCKS)):
            body = {"consumer_id": id, "expand": form(asked)}
            reply = await partner.ask("identity.get_consumer", body)
            assert reply.done.keys() & set(BLOCKS.values()) == {BLOCKS[name] for name in asked}
            assert reply.version == 1

    async def test_a_block_without_a_value_is_null(self, partner: Partner) -> None:
        """What is asked for is there, also when there is nothing."""
        id = await consumer(partner, employment=None)
        body = {"consumer_id": id, "expand": "EMPLOYMENT"}
        assert (await partner.ask("identity.get_consumer", body)).done["employment"] is None

    @pytest.mark.parametrize("expand", [["SHOE_SIZE"], "ADDRESSES,SHOE_SIZE", [1]])
    async def test_unknown_block(self, partner: Partner, expand: Any) -> None:
        """An unknown name is refused."""
        for title in ("get_consumer", "household", "list_dependents", "list_authorized_signers"):
            body = {"consumer_id": NO_ONE, "expand": expand}
            status, code, path = (await partner.ask(f"identity.{title}", body)).refusal
            assert (status, code) == (400, "NOT_ALLOWED_VALUE")
            assert path is not None
            assert path.startswith("expand")


class TestUpdate:
    async def test_only_what_is_sent_changes(self, partner: Partner) -> None:
        """Within a block, too: what is left out stays, and null takes a value away."""
        id = await consumer(partner)
        before = (await partner.ask("identity.update_consumer", {"consumer_id": id})).done
        sent = {
            "first_name": "Augusta",
            "email_addresses": {"alternate": {"address": "a@example.com"}},
            "phone_numbers": {"home_phone": None},
            "protected_personal_data": {"date_of_death": "2001-01-01"},
        }
        reply = await partner.ask("identity.update_consumer", {"consumer_id": id} | sent)
        expected = before | {
            "first_name": "Augusta",
            "email_addresses": before["email_addresses"] | sent["email_addresses"],
            "phone_numbers": before["phone_numbers"] | {"home_phone": None},
            "protected_personal_data": before["protected_personal_data"]
            | {"date_of_death": "2001-01-01T00:00:00Z"},
        }
        made = {"version", "updated_at"}
        assert {k: v for k, v in reply.done.items() if k not in made} == {
            k: v for k, v in expected.items() if k not in made
        }
        assert (before["version"], reply.version) == (1, 2)
        events = await partner.events(id, 2)
        assert events[1]["data"]["changed"] == sorted(sent)
        assert events[1]["data"]["consumer"] == reply.done

    async def test_nothing_different(self, partner: Partner) -> None:
        """The same values again, numbers too, are no change."""
        request = new_consumer(await partner.entity())
        id = (await partner.ask("identity.create_consumer", request)).done["consumer_id"]
        reply = await partner.ask("identity.update_consumer", {"consumer_id": id} | request)
        assert reply.version == 1

    @pytest.mark.parametrize(
        ("name", "block"),
        [
            ("addresses", {}),
            ("email_addresses", {"primary": None}),
            ("protected_personal_data", {"date_of_death": None}),
        ],
    )
    async def test_a_block_without_a_value_is_none(
        self, partner: Partner, name: str, block: dict[str, None]
    ) -> None:
        """Where there is no block, one that says nothing changes nothing."""
        id = await consumer(partner, **{name: None})
        body = {"consumer_id": id, name: block}
        reply = await partner.ask("identity.update_consumer", body)
        assert (reply.version, reply.done[name]) == (1, None)

    async def test_another_number(self, partner: Partner) -> None:
        """A new number is found, the old one no more."""
        old, new = ssn(), ssn()
        id = await consumer(partner, protected_personal_data=protected(old))
        change = {"protected_personal_data": {"social_security_number": new}}
        await partner.ask("identity.update_consumer", {"consumer_id": id} | change)
        for number, found in ((old, []), (new, [id])):
            people = (await partner.ask("identity.find_by_ssn", {"ssn": number})).done["items"]
            assert [person["person_id"] for person in people] == found

    @pytest.mark.parametrize("name", ["first_name", "middle_name", "addresses", "business_id"])
    async def test_null_is_no_deletion(self, partner: Partner, name: str) -> None:
        """A field sent as null is refused."""
        body = {"consumer_id": NO_ONE, name: None}
        status, _, path = (await partner.ask("identity.update_consumer", body)).refusal
        assert (status, path) == (400, name)

    async def test_a_new_block_is_whole(self, partner: Partner) -> None:
        """A block that was not there before needs what it needs at first."""
        id = await consumer(partner, protected_personal_data=None)
        body = {"consumer_id": id, "protected_personal_data": {"date_of_birth": "1980-01-01"}}
        assert (await partner.ask("identity.update_consumer", body)).refusal == (
            400,
            "REQUIRED",
            "protected_personal_data.social_security_number",
        )

    async def test_if_match(self, partner: Partner) -> None:
        """Another version than the one there is refused; the person's existence is asked first."""
        body = {"consumer_id": await consumer(partner), "first_name": "Eve"}
        reply = await partner.ask("identity.update_consumer", body, if_match="2")
        assert reply.refusal == (409, "VERSION_CONFLICT", None)
        assert (await partner.ask("identity.update_consumer", body, if_match="1")).version == 2
        body["consumer_id"] = NO_ONE
        reply = await partner.ask("identity.update_consumer", body, if_match="1")
        assert reply.refusal == (404, "PERSON_NOT_FOUND", "consumer_id")

    async def test_move(self, partner: Partner) -> None:
        """A consumer may move within its administrator, not to another's business, nor nowhere."""
        here, there = str(uuid4()), str(uuid4())
        first, second = await business(partner, here), await business(partner, here)
        other, rootless = await business(partner, there), await business(partner)
        id = await consumer(partner, first)
        title = "identity.update_consumer"
        for target in (other, rootless):
            reply = await partner.ask(title, {"consumer_id": id, "business_id": target})
            assert reply.refusal == (409, "INVALID_PARENT", "business_id")
        free = [await business(partner) for _ in range(2)]
        of_no_administrator = await consumer(partner, free[0])
        for target in (first, free[1]):
            body = {"consumer_id": of_no_administrator, "business_id": target}
            reply = await partner.ask(title, body)
            assert reply.refusal == (409, "INVALID_PARENT", "business_id")
        stays = {"consumer_id": of_no_administrator, "business_id": free[0]}
        assert (await partner.ask(title, stays)).version == 1
        reply = await partner.ask(title, {"consumer_id": id, "business_id": NO_ONE})
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "business_id")
        reply = await partner.ask(title, {"consumer_id": id, "business_id": second})
        assert reply.done["business_id"] == second
        events = await partner.events(id, 2)
        assert events[1]["data"]["changed"] == ["business_id"]
