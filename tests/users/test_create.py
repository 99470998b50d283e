"""user.create: the rules of each field, and those between them."""

from typing import Any
from uuid import uuid4

import pytest

from service.auth.scopes import ALL_SCOPES
from tests.client import Partner, is_uuid, new_user

NO_ONE = "018f0000-0000-7000-8000-000000000000"
ADDRESS = {"countryCode": "DE", "firstLine": "Allee 1", "postCode": "10115", "city": "Berlin"}
TEXTS = (
    "first_name",
    "last_name",
    "phone_number",
    "city",
    "residency",
    "id_number",
    "title",
    "permit_number",
)


async def test_user_is_created_with_its_event(partner: Partner) -> None:
    """The reply has the id and the version; the one event tells of it, the numbers masked."""
    entity_id = await partner.entity()
    request = new_user(entity_id, id_number="9001015800084", permit_number="ZA-17-5500")
    reply = await partner.ask("user.create", request, x_request_id="made-here")
    user_id = reply.done["userId"]
    assert is_uuid(user_id)
    assert reply.version == 1
    [event] = await partner.events(user_id, 1)
    assert event["type"] == "user.created"
    assert event["partnerid"] == partner.name
    assert (event["actor"], event["requestid"]) == ("tests", "made-here")
    assert event["data"]["changed"] == sorted(request)
    assert event["data"]["entity_id"] == entity_id
    record = await partner.record(user_id)
    masked = {"id_number": "xxxxxxxxx0084", "permit_number": "xxxxxx5500"}
    assert event["data"]["user"] == record | masked


async def test_sent_fields_are_kept(partner: Partner) -> None:
    """A record shows what was sent; strings are stripped, times in UTC, the rest is null."""
    request = new_user(
        await partner.entity(),
        first_name="  Zoë ",
        date_of_birth="1990-06-01",
        id_issue_date="2020-01-15T01:30:00+02:00",
        id_issue_expiry_date="2030-01-15T00:00:00.75",
        verified=True,
    )
    record = await partner.record((await partner.ask("user.create", request)).done["userId"])
    expected = request | {
        "first_name": "Zoë",
        "date_of_birth": "1990-06-01T00:00:00Z",
        "id_issue_date": "2020-01-14T23:30:00Z",
        "id_issue_expiry": "2030-01-15T00:00:00Z",
        "birth_country": None,
        "birth_city": None,
        "active": True,
        "confirmed": False,
        "language": None,
        "version": 1,
    }
    del expected["id_issue_expiry_date"]
    made = {"id", "created_at", "updated_at", "date_registered"}
    assert {name: value for name, value in record.items() if name not in made} == expected
    assert record["created_at"] == record["updated_at"] == record["date_registered"]


@pytest.mark.parametrize("name", TEXTS)
async def test_texts_have_2_to_256_characters(partner: Partner, name: str) -> None:
    """Two characters, counted after stripping, are enough, 256 not too many."""
    request = new_user(await partner.entity())
    for value, code in (
        ("", "TOO_SHORT"),
        ("  é\t", "TOO_SHORT"),
        ("x" * 257, "TOO_LONG"),
        (None, "INVALID_FORMAT"),
        (12, "INVALID_FORMAT"),
        (["xx"], "INVALID_FORMAT"),
    ):
        refused = await partner.ask("user.create", request | {name: value})
        assert refused.refusal == (400, code, name)
    for number, value in enumerate(("éé", " " + "x" * 256 + " ")):
        email = f"length.{number}@example.com"
        assert (await partner.ask("user.create", request | {name: value, "email": email})).done


WRONG: list[tuple[str, object, str]] = [
    ("gender", "", "TOO_SHORT"),
    ("gender", " ", "TOO_SHORT"),
    ("gender", "x" * 257, "TOO_LONG"),
    ("email", "nobody", "INVALID_FORMAT"),
    ("email", "no body@example.com", "INVALID_FORMAT"),
    ("email", "nobody@example", "INVALID_FORMAT"),
    ("email", "nobody@exa_mple.com", "INVALID_FORMAT"),
    ("email", "a@b@example.com", "INVALID_FORMAT"),
    ("email", f"{'x' * 250}@example.com", "TOO_LONG"),
    ("email", "Nobody <nobody@example.com>", "INVALID_FORMAT"),
    ("country", "zaf", "NOT_ALLOWED_VALUE"),
    ("country", "ZA", "NOT_ALLOWED_VALUE"),
    ("country", "XXX", "NOT_ALLOWED_VALUE"),
    ("country", "South Africa", "NOT_ALLOWED_VALUE"),
    ("id_type", "driver", "NOT_ALLOWED_VALUE"),
    ("id_type", "", "NOT_ALLOWED_VALUE"),
    ("id_type", 1, "INVALID_FORMAT"),
    ("verified", "true", "INVALID_FORMAT"),
    ("verified", 1, "INVALID_FORMAT"),
    ("verified", None, "INVALID_FORMAT"),
    ("date_of_birth", "2999-01-01", "NOT_ALLOWED_VALUE"),
    ("id_issue_date", "2999-01-01T00:00:00Z", "NOT_ALLOWED_VALUE"),
    ("id_issue_expiry_date", "2020-01-15T00:00:00Z", "NOT_ALLOWED_VALUE"),
    ("id_issue_expiry_date", "2019-01-01", "NOT_ALLOWED_VALUE"),
    ("entity_id", "550E8400-E29B-41D4-A716-446655440000", "INVALID_FORMAT"),
    ("entity_id", "550e8400e29b41d4a716446655440000", "INVALID_FORMAT"),
    ("entity_id", "{550e8400-e29b-41d4-a716-446655440000}", "INVALID_FORMAT"),
    ("entity_id", None, "INVALID_FORMAT"),
    ("occupation", "", "TOO_SHORT"),
    ("avatar", "me.png", "INVALID_FORMAT"),
    ("avatar", "javascript:alert(1)", "INVALID_FORMAT"),
    ("avatar", "https://exa\nmple.com/a", "INVALID_FORMAT"),
    ("avatar", "https://example.com/a\tb", "INVALID_FORMAT"),
    ("avatar", "https://example.com/a b", "INVALID_FORMAT"),
    ("avatar", "https://example.com/\u0085a", "INVALID_FORMAT"),
    ("avatar", "https://example.com/\u007fa", "INVALID_FORMAT"),
    ("avatar", "https://example.com/" + "x" * 2048, "TOO_LONG"),
    ("address", "Allee 1", "INVALID_FORMAT"),
    ("surname", "Nkosi", "UNKNOWN_FIELD"),
]
NO_DATES: tuple[object, ...] = (
    "",
    "yesterday",
    "2023-02-30",
    "2023-13-01",
    "2023-01-01T25:00:00Z",
    "2023-01-01T00:00:00+25:00",
    "2023-W01-1",
    "20230101",
    "01.02.2023",
    "1672531200",
    "2023-01-01T00:00:00 Z",
    "0000-01-01",
    "0001-01-01T00:00:00+05:00",
    "\u0662\u0660\u0662\u0663-01-01",
    1672531200,
    None,
    {},
)
WRONG += [("date_of_birth", value, "INVALID_FORMAT") for value in NO_DATES]


@pytest.mark.parametrize(("name", "value", "code"), WRONG)
async def test_wrong_value(partner: Partner, name: str, value: object, code: str) -> None:
    """A wrong value is refused with its own code, and the path says where."""
    request = new_user(NO_ONE) | {name: value}
    assert (await partner.ask("user.create", request)).refusal == (400, code, name)


async def test_every_error_is_told(partner: Partner) -> None:
    """A request with several things wrong hears of all of them at once."""
    request = new_user(NO_ONE, first_name="x", country="XXX", surname="Nkosi")
    del request["city"]
    reply = await partner.ask("user.create", request)
    assert sorted(reply.errors, key=str) == [
        ("NOT_ALLOWED_VALUE", "country"),
        ("REQUIRED", "city"),
        ("TOO_SHORT", "first_name"),
        ("UNKNOWN_FIELD", "surname"),
    ]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("2020-02-29", "2020-02-29T00:00:00Z"),
        (" 2020-02-29 ", "2020-02-29T00:00:00Z"),
        ("2020-02-29T12:30", "2020-02-29T12:30:00Z"),
        ("2020-02-29t12:30:15z", "2020-02-29T12:30:15Z"),
        ("2020-02-29 12:30:15", "2020-02-29T12:30:15Z"),
        ("2020-02-29T12:30:15.999999999Z", "2020-02-29T12:30:15Z"),
        ("2020-03-01T01:00:00+05:30", "2020-02-29T19:30:00Z"),
        ("0001-01-01", "0001-01-01T00:00:00Z"),
    ],
)
async def test_forms_of_dates(partner: Partner, sent: str, told: str) -> None:
    """A date, or a date-time with or without an offset, is told in UTC and whole seconds."""
    user_id = await partner.user(date_of_birth=sent)
    assert (await partner.record(user_id))["date_of_birth"] == told


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("National", "National"),
        ("NATIONAL", "National"),
        ("National ID", "National"),
        ("national id", "National"),
        ("passport", "passport"),
        ("PassPort", "passport"),
    ],
)
async def test_id_type(partner: Partner, sent: str, told: str) -> None:
    """The kind of document is taken whatever its case, and told in one form."""
    expires = "2030-01-01T00:00:00Z"
    user_id = await partner.user(id_type=sent, id_issue_expiry_date=expires)
    assert (await partner.record(user_id))["id_type"] == told


@pytest.mark.parametrize("id_type", ["passport", "PASSPORT"])
async def test_passport_needs_expiry(partner: Partner, id_type: str) -> None:
    """A passport without the date it expires, or with null for it, is refused."""
    request = new_user(NO_ONE, id_type=id_type)
    for sent in (request, request | {"id_issue_expiry_date": None}):
        reply = await partner.ask("user.create", sent)
        assert reply.refusal == (400, "REQUIRED", "id_issue_expiry_date")


@pytest.mark.parametrize("country", ["US", "CA", "AU", "BR", "JP"])
async def test_national_rules_of_addresses(partner: Partner, country: str) -> None:
    """Some countries require a state, some an occupation, in the address."""
    needs = {("REQUIRED", "address.state")} if country in {"US", "CA", "AU", "BR"} else set()
    needs |= {("REQUIRED", "address.occupation")} if country in {"US", "CA", "JP"} else set()
    request = new_user(await partner.entity(), address=ADDRESS | {"countryCode": country})
    reply = await partner.ask("user.create", request)
    assert reply.status == 400
    assert set(reply.errors) == needs
    request["address"] |= {"state": "XY", "occupation": "baker"}
    assert (await partner.ask("user.create", request)).done


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"countryCode": "DEU"}, ("NOT_ALLOWED_VALUE", "address.countryCode")),
        ({"countryCode": "de"}, ("NOT_ALLOWED_VALUE", "address.countryCode")),
        ({"city": ""}, ("TOO_SHORT", "address.city")),
        ({"firstLine": None}, ("INVALID_FORMAT", "address.firstLine")),
        ({"postCode": 10115}, ("INVALID_FORMAT", "address.postCode")),
        ({"post_code": "10115"}, ("UNKNOWN_FIELD", "address.post_code")),
    ],
)
async def test_wrong_address(
    partner: Partner, change: dict[str, object], error: tuple[str, str]
) -> None:
    """The path of an error in the address leads into it."""
    request = new_user(NO_ONE, address=ADDRESS | change)
    assert (await partner.ask("user.create", request)).refusal == (400, *error)


@pytest.mark.parametrize("name", ["firstLine", "city", "postCode", "countryCode"])
async def test_address_is_whole(partner: Partner, name: str) -> None:
    """What an address must have is asked for by its path."""
    address = {k: v for k, v in ADDRESS.items() if k != name}
    reply = await partner.ask("user.create", new_user(NO_ONE, address=address))
    assert reply.refusal == (400, "REQUIRED", f"address.{name}")


async def test_optional_nulls(partner: Partner) -> None:
    """What is optional may be sent as null, which is the same as not sent: it is no change."""
    nothing = {"occupation": None, "avatar": None, "address": None, "id_issue_expiry_date": None}
    request = new_user(await partner.entity())
    user_id = (await partner.ask("user.create", request | nothing)).done["userId"]
    [event] = await partner.events(user_id, 1)
    assert event["data"]["changed"] == sorted(request)


async def test_unknown_entity(partner: Partner) -> None:
    """An entity that does not exist, or is another partner's, is not found."""
    other = Partner(partner.deployment)
    for entity_id in (NO_ONE, str(uuid4()), await other.entity()):
        reply = await partner.ask("user.create", new_user(entity_id))
        assert reply.refusal == (404, "ENTITY_NOT_FOUND", "entity_id")


async def test_personal_entity(partner: Partner) -> None:
    """A personal entity takes no user besides the one it was made with."""
    entity_id = await partner.entity()
    await partner.deployment.database["entities"].update_one(
        {"_id": entity_id}, {"$set": {"entity_type": "personal"}}
    )
    reply = await partner.ask("user.create", new_user(entity_id))
    assert reply.refusal == (409, "ENTITY_IS_PERSONAL", "entity_id")


@pytest.mark.parametrize(
    "again", ["ann.lee@example.com", "ANN.LEE@EXAMPLE.COM", " Ann.Lee@example.com "]
)
async def test_email_is_taken(partner: Partner, again: str) -> None:
    """One active user of a partner has an e-mail, whatever the case; the refusal masks it."""
    entity_id = await partner.entity()
    await partner.user(entity_id, email="Ann.Lee@example.com")
    reply = await partner.ask("user.create", new_user(entity_id, email=again))
    assert reply.refusal == (409, "NOT_UNIQUE", "email")
    [error] = reply.body["errors"]
    assert error["message"] == "You’re already a member. Please login"
    assert error["arguments"][1].lower() == "a***@example.com"


async def test_email_of_another_partner(partner: Partner) -> None:
    """An e-mail is taken for one partner only."""
    await partner.user(email="shared@example.com")
    assert await Partner(partner.deployment).user(email="shared@example.com")


@pytest.mark.parametrize(
    "first", ["straße@example.com", "jürgen@exämple.com", "用户@例え.jp", "O'Neil+x@example.com"]
)
async def test_international_email(partner: Partner, first: str) -> None:
    """An address beyond ASCII is kept as sent, and is the same in another case."""
    user_id = await partner.user(email=first)
    assert (await partner.record(user_id))["email"] == first
    local, _, domain = first.partition("@")
    again = new_user(await partner.entity(), email=f"{local}@{domain.upper()}")
    assert (await partner.ask("user.create", again)).refusal == (409, "NOT_UNIQUE", "email")


class TestIdempotency:
    async def test_first_reply_is_repeated(self, partner: Partner) -> None:
        """The same key and payload give the first reply again, marked so, and no second user."""
        request = new_user(await partner.entity(), date_of_birth="1990-01-01")
        first = await partner.ask("user.create", request, idempotency_key="k-1")
        same = dict(reversed(request.items())) | {
            "date_of_birth": "1990-01-01T02:00:00+02:00",
            "first_name": f" {request['first_name']} ",
            "occupation": None,
        }
        for body in (request, same):
            again = await partner.ask("user.create", body, idempotency_key="k-1")
            assert again.done == first.done
            assert again.version == 1
            assert again.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first.headers
        assert len((await partner.ask("user.list", {})).done["users"]) == 1

    async def test_reply_outlives_changes(self, partner: Partner) -> None:
        """What became of the user since does not change the reply, nor is it checked again."""
        request = new_user(await partner.entity())
        first = await partner.ask("user.create", request, idempotency_key="k")
        await partner.ask("user.deactivate", {"user_id": first.done["userId"]})
        again = await partner.ask("user.create", request, idempotency_key="k")
        assert (again.done, again.version) == (first.done, 1)

    async def test_key_of_another_request(self, partner: Partner) -> None:
        """The key with another payload, or from a caller who reaches other data, is refused."""
        entity_id = await partner.entity()
        request = new_user(entity_id)
        await partner.ask("user.create", request, idempotency_key="k")
        other = await partner.ask("user.create", request | {"city": "Durban"}, idempotency_key="k")
        assert other.refusal == (409, "IDEMPOTENCY_KEY_REUSED", None)
        domain = partner.token(domain=entity_id)
        foreign = await partner.ask("user.create", request, domain, idempotency_key="k")
        assert foreign.refusal == (409, "IDEMPOTENCY_KEY_REUSED", None)

    async def test_key_is_of_operation_and_partner(self, partner: Partner) -> None:
        """The same key is another one in another operation, and for another partner."""
        body: dict[str, Any] = {
            "entity_type": "business",
            "registration_number": "1",
            "trading_name": "Acme",
        }
        first = await partner.ask("entity.create", body, idempotency_key="k")
        other = Partner(partner.deployment)
        elsewhere = await other.ask("entity.create", body, idempotency_key="k")
        assert elsewhere.done != first.done
        request = new_user(first.done["entityId"])
        assert "userId" in (await partner.ask("user.create", request, idempotency_key="k")).done

    async def test_refusals_are_not_kept(self, partner: Partner) -> None:
        """A key whose request was refused is free for a better one."""
        refused = await partner.ask("user.create", new_user(NO_ONE), idempotency_key="k")
        assert refused.refusal == (404, "ENTITY_NOT_FOUND", "entity_id")
        request = new_user(await partner.entity())
        created = await partner.ask("user.create", request, idempotency_key="k")
        assert created.done
        assert "Idempotency-Replayed" not in created.headers

    async def test_scopes_are_asked_first(self, partner: Partner) -> None:
        """A caller that may not create is not told what was created."""
        request = new_user(await partner.entity())
        await partner.ask("user.create", request, idempotency_key="k")
        token = partner.token(scopes=ALL_SCOPES - {"write:user"})
        again = await partner.ask("user.create", request, token, idempotency_key="k")
        assert again.refusal == (403, "MISSING_SCOPE", None)


class TestDomain:
    async def test_user_is_in_the_domain_of_its_entity(self, partner: Partner) -> None:
        """A token with a domain creates and sees users of that domain only."""
        domain = str(uuid4())
        inside, outside = await partner.entity(), await partner.entity()
        await partner.deployment.database["entities"].update_one(
            {"_id": inside}, {"$set": {"domain": domain}}
        )
        token = partner.token(domain=domain)
        stranger = await partner.user(outside)
        refused = await partner.ask("user.create", new_user(outside), token)
        assert refused.refusal == (403, "OUTSIDE_DOMAIN", "entity_id")
        user_id = (await partner.ask("user.create", new_user(inside), token)).done["userId"]
        listed = (await partner.ask("user.list", {}, token)).done["users"]
        assert [user["id"] for user in listed] == [user_id]
        by_entity = await partner.ask("user.list", {"entity_id": outside}, token)
        assert by_entity.done["users"] == []
        for title in ("user.get", "user.update", "user.deactivate", "user.get_contact_email"):
            reply = await partner.ask(title, {"user_id": stranger}, token)
            assert reply.refusal == (404, "USER_NOT_FOUND", "user_id")
        assert (await partner.ask("user.get", {"user_id": user_id}, token)).done
