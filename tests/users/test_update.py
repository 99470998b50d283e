"""user.update: only what is sent changes, and only what is different is a change."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.client import Partner, new_user
from tests.deployment import Deploy

ADDRESS = {"countryCode": "DE", "firstLine": "Allee 1", "postCode": "10115", "city": "Berlin"}
CHANGES: dict[str, Any] = {
    "first_name": "Lerato",
    "last_name": "Dlamini",
    "email": "Lerato@example.com",
    "phone_number": "+27999",
    "gender": "X",
    "date_of_birth": "1991-02-03T00:00:00Z",
    "birth_country": "NAM",
    "birth_city": "Windhoek",
    "residency": "Namibia",
    "id_number": "8001015800099",
    "id_type": "National",
    "id_issue_date": "2021-01-15T00:00:00Z",
    "id_issue_expiry_date": "2031-01-15T00:00:00Z",
    "title": "Dr",
    "permit_number": "permit-new",
    "occupation": "baker",
    "avatar": "https://example.com/me.png",
    "address": ADDRESS,
}


async def version(partner: Partner, user_id: str) -> int:
    return (await partner.ask("user.get", {"user_id": user_id})).version


@pytest.mark.parametrize("name", sorted(CHANGES.keys() - {"id_type"}))
async def test_one_field(partner: Partner, name: str) -> None:
    """A field that is sent changes, alone, and the event says which; sent again it is no change."""
    user_id = await partner.user()
    before = await partner.record(user_id)
    request = {"user_id": user_id, name: CHANGES[name]}
    reply = await partner.ask("user.update", request)
    assert reply.done == {"userId": user_id}
    assert reply.version == 2
    again = await partner.ask("user.update", request)
    assert (again.done, again.version) == (reply.done, 2)
    after = await partner.record(user_id)
    shown = {"id_issue_expiry_date": "id_issue_expiry"}.get(name, name)
    changed = {field for field in after if after[field] != before[field]} - {"updated_at"}
    assert changed == {"version", *({shown} & after.keys())}
    if shown in after:
        assert after[shown] == CHANGES[name]
    events = await partner.events(user_id, 2)
    assert [event["type"] for event in events] == ["user.created", "user.updated"]
    assert events[1]["data"]["changed"] == [name]
    assert events[1]["data"]["user"]["version"] == 2


async def test_all_fields_in_one_event(partner: Partner) -> None:
    """Several fields are one change."""
    user_id = await partner.user(id_type="passport", id_issue_expiry_date="2030-01-01")
    reply = await partner.ask("user.update", CHANGES | {"user_id": user_id})
    assert reply.version == 2
    events = await partner.events(user_id, 2)
    assert events[1]["data"]["changed"] == sorted(CHANGES)


async def test_nothing_different(partner: Partner) -> None:
    """Nothing sent, or nothing different: the same reply, the same version, no event."""
    request = new_user(await partner.entity(), address=ADDRESS, occupation="baker")
    user_id = (await partner.ask("user.create", request)).done["userId"]
    same = {name: request[name] for name in request if name in CHANGES}
    same |= {"date_of_birth": "1990-01-01", "first_name": f" {request['first_name']} "}
    for body in ({}, same):
        reply = await partner.ask("user.update", body | {"user_id": user_id})
        assert (reply.done, reply.version) == ({"userId": user_id}, 1)
    # A change behind it has the next version, so nothing was told in between.
    await partner.ask("user.update", {"user_id": user_id, "title": "Dr"})
    events = await partner.events(user_id, 2)
    assert [event["data"]["changed"] for event in events[1:]] == [["title"]]


WRONG: list[tuple[str, object, str]] = [(name, None, "INVALID_FORMAT") for name in CHANGES]
WRONG += [
    ("first_name", "x", "TOO_SHORT"),
    ("gender", "", "TOO_SHORT"),
    ("email", "nobody", "INVALID_FORMAT"),
    ("birth_country", "nam", "NOT_ALLOWED_VALUE"),
    ("birth_city", "x", "TOO_SHORT"),
    ("id_type", "driver", "NOT_ALLOWED_VALUE"),
    ("date_of_birth", "2999-01-01", "NOT_ALLOWED_VALUE"),
    ("id_issue_date", "2999-01-01", "NOT_ALLOWED_VALUE"),
    ("occupation", "x" * 257, "TOO_LONG"),
    ("avatar", "me", "INVALID_FORMAT"),
    ("address", {}, "REQUIRED"),
    ("country", "ZAF", "UNKNOWN_FIELD"),
    ("city", "Durban", "UNKNOWN_FIELD"),
    ("entity_id", "0198c0de-7000-7000-8000-00000000abcd", "UNKNOWN_FIELD"),
    ("verified", True, "UNKNOWN_FIELD"),
    ("version", 7, "UNKNOWN_FIELD"),
]


@pytest.mark.parametrize(("name", "value", "code"), WRONG)
async def test_wrong_value(partner: Partner, name: str, value: object, code: str) -> None:
    """Each field obeys create's rule for it; null is no deletion; the rest is not to be changed."""
    reply = await partner.ask("user.update", {"user_id": str(uuid4()), name: value})
    path = "address.countryCode" if value == {} else name
    assert reply.refusal == (400, code, path)


async def test_unknown_user(partner: Partner) -> None:
    """A user that does not exist, or is another partner's, is not found."""
    stranger = await Partner(partner.deployment).user()
    for user_id in (str(uuid4()), stranger):
        for body in ({"title": "Dr"}, {}):
            reply = await partner.ask("user.update", {"user_id": user_id} | body)
            assert reply.refusal == (404, "USER_NOT_FOUND", "user_id")


async def test_record_obeys_document_rules(partner: Partner) -> None:
    """The record that results must be whole: a passport expires, and later than it was issued."""
    user_id = await partner.user()

    async def update(**fields: str) -> Any:
        return await partner.ask("user.update", {"user_id": user_id} | fields)

    expiry = "id_issue_expiry_date"
    assert (await update(id_type="passport")).refusal == (400, "REQUIRED", expiry)
    early = await update(id_issue_expiry_date="2019-01-01")
    assert early.refusal == (400, "NOT_ALLOWED_VALUE", expiry)
    assert (await update(id_type="passport", id_issue_expiry_date="2024-01-01")).done
    late = await update(id_issue_date="2024-01-01")
    assert late.refusal == (400, "NOT_ALLOWED_VALUE", expiry)
    assert (await update(id_issue_date="2023-12-31")).done
    assert (await update(id_type="National")).done
    assert await version(partner, user_id) == 4


async def test_signed_up_user_fills_its_record_in_steps(partner: Partner) -> None:
    """A record with most fields still missing takes them one by one."""
    user_id = await partner.user()
    await partner.deployment.database["users"].update_one(
        {"_id": user_id},
        {"$set": dict.fromkeys(("id_type", "id_issue_date", "id_number", "first_name"))},
    )
    for fields in (
        {"id_issue_expiry_date": "2030-01-01"},
        {"id_type": "passport"},
        {"id_issue_date": "2020-01-01"},
        {"id_number": "9001015800084"},
        {"first_name": "Lerato"},
    ):
        assert (await partner.ask("user.update", {"user_id": user_id} | fields)).done


async def test_new_email_ends_confirmed(partner: Partner) -> None:
    """A new e-mail is not confirmed, and the event says so; another field leaves it be."""
    user_id = await partner.user()
    await partner.deployment.database["users"].update_one(
        {"_id": user_id}, {"$set": {"confirmed": True}}
    )
    await partner.ask("user.update", {"user_id": user_id, "title": "Dr"})
    assert (await partner.record(user_id))["confirmed"] is True
    await partner.ask("user.update", {"user_id": user_id, "email": "new.one@example.com"})
    assert (await partner.record(user_id))["confirmed"] is False
    events = await partner.events(user_id, 3)
    assert events[2]["data"]["changed"] == ["confirmed", "email"]


@pytest.mark.parametrize("name", ["first_name", "last_name", "date_of_birth", "id_number"])
async def test_new_proven_field_ends_verified(partner: Partner, name: str) -> None:
    """What a verification gave ends when what it proved changes, and the event says so."""
    user_id = await partner.user(verified=True)
    await partner.deployment.database["users"].update_one(
        {"_id": user_id}, {"$set": {"verified_by": str(uuid4())}}
    )
    await partner.ask("user.update", {"user_id": user_id, "title": "Dr"})
    assert (await partner.record(user_id))["verified"] is True
    await partner.ask("user.update", {"user_id": user_id, name: CHANGES[name]})
    assert (await partner.record(user_id))["verified"] is False
    events = await partner.events(user_id, 3)
    assert events[2]["data"]["changed"] == sorted([name, "verified"])


async def test_verified_by_create_stays(partner: Partner) -> None:
    """`verified` as `create` was told it is nobody's proof, and stays."""
    user_id = await partner.user(verified=True)
    await partner.ask("user.update", {"user_id": user_id, "first_name": "Lerato"})
    assert (await partner.record(user_id))["verified"] is True


async def test_taken_email(partner: Partner) -> None:
    """An e-mail that another active user has is refused; one's own in another case is not."""
    entity_id = await partner.entity()
    await partner.user(entity_id, email="taken@example.com")
    user_id = await partner.user(entity_id, email="mine@example.com")
    reply = await partner.ask("user.update", {"user_id": user_id, "email": "TAKEN@example.com"})
    assert reply.refusal == (409, "NOT_UNIQUE", "email")
    assert await version(partner, user_id) == 1
    assert (
        await partner.ask("user.update", {"user_id": user_id, "email": "Mine@Example.com"})
    ).done
    assert (await partner.record(user_id))["email"] == "Mine@Example.com"


class TestIfMatch:
    @pytest.mark.parametrize("form", ["{}", '"{}"'])
    async def test_right_version(self, partner: Partner, form: str) -> None:
        """The version that is there, bare or quoted, lets the change through."""
        user_id = await partner.user()
        body = {"user_id": user_id, "title": "Dr"}
        reply = await partner.ask("user.update", body, if_match=form.format(1))
        assert reply.version == 2

    @pytest.mark.parametrize("title", ["user.update", "user.set_contact_email", "user.deactivate"])
    async def test_other_version(self, partner: Partner, title: str) -> None:
        """Any other is a conflict, before the operation's own rules; the user stays as it was."""
        user_id = await partner.user()
        body: dict[str, object] = {"user_id": user_id}
        body |= {"email": "new.one@example.com"} if "email" in title else {}
        body |= {"id_type": "passport"} if title == "user.update" else {}
        for there in ("0", "2", '"7"'):
            reply = await partner.ask(title, body, if_match=there)
            assert reply.refusal == (409, "VERSION_CONFLICT", None)
        assert await version(partner, user_id) == 1

    async def test_existence_is_asked_first(self, partner: Partner) -> None:
        """There is no version of what is not there."""
        reply = await partner.ask("user.update", {"user_id": str(uuid4())}, if_match="1")
        assert reply.refusal == (404, "USER_NOT_FOUND", "user_id")

    async def test_nothing_different(self, partner: Partner) -> None:
        """If-Match is obeyed even when there is nothing to do."""
        user_id = await partner.user()
        reply = await partner.ask("user.update", {"user_id": user_id}, if_match="2")
        assert reply.refusal == (409, "VERSION_CONFLICT", None)


async def test_updates_at_once_on_two_workers(
    deploy: Deploy,
) -> None:
    """Updates of different fields all land; with If-Match only the first of them does."""
    partner = Partner(await deploy(2))
    user_id = await partner.user()
    fields = {name: value for name, value in CHANGES.items() if name != "id_type"}
    replies = await asyncio.gather(
        *(partner.ask("user.update", {"user_id": user_id, n: v}) for n, v in fields.items())
    )
    assert {reply.version for reply in replies} == set(range(2, len(fields) + 2))
    record = await partner.record(user_id)
    shown = {n: v for n, v in fields.items() if n in record}
    assert {name: record[name] for name in shown} == shown
    events = await partner.events(user_id, len(fields) + 1)
    assert sorted(e["data"]["changed"] for e in events[1:]) == sorted([name] for name in fields)
    there = str(record["version"])
    replies = await asyncio.gather(
        *(
            partner.ask("user.update", {"user_id": user_id, "title": f"T{n}"}, if_match=there)
            for n in range(20)
        )
    )
    refused = [reply.refusal for reply in replies if reply.status != 200]
    assert refused == [(409, "VERSION_CONFLICT", None)] * 19
    assert all(partner.deployment.answered), "both workers took part"
