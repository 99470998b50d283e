"""svc.account: made with its first admin, read by whoever may know of it, settled once."""

from typing import Any

import pytest

from schemas.event import Event
from tests.client import is_uuid
from tests.membership.accounts import Accounts

NO_ONE = "018f0000-0000-7000-8000-000000000000"
DOMAIN = "0190a0a0-0000-7000-8000-000000000001"


async def test_account_is_created_with_its_owner(accounts: Accounts) -> None:
    """The owner is an admin at once; two aggregates, an event each, under one request id."""
    owner, partner = await accounts.user(), accounts.partner
    request = {
        "name": " Bakery ",
        "owner_user_id": owner,
        "entity_id": accounts.entity_id,
        "description": "Bread and more.",
    }
    reply = await partner.ask("account.create", request, x_request_id="made-here")
    account = reply.done
    assert is_uuid(account["account_id"])
    assert account == request | {
        "name": "Bakery",
        "account_id": account["account_id"],
        "settled": False,
        "settled_at": None,
        "created_at": account["created_at"],
        "version": 1,
    }
    assert reply.version == 1
    got = await partner.ask("account.get", {"account_id": account["account_id"]})
    assert (got.done, got.version) == (account, 1)
    [opened] = await accounts.events(account["account_id"])
    assert opened["data"]["account"] == account
    assert opened["data"]["changed"] == sorted(request)
    membership = (await accounts.memberships(account["account_id"]))[owner]
    assert (membership["role"], membership["pending_role"]) == ("admin", None)
    [joined] = await partner.events(membership["membership_id"], 1)
    assert (joined["type"], joined["requestid"]) == ("membership.created", opened["requestid"])
    assert opened["requestid"] == "made-here"


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"name": ""}, "TOO_SHORT", "name"),
        ({"name": "x" * 257}, "TOO_LONG", "name"),
        ({"name": None}, "INVALID_FORMAT", "name"),
        ({"description": "x" * 1025}, "TOO_LONG", "description"),
        ({"owner_user_id": "82031118"}, "INVALID_FORMAT", "owner_user_id"),
        ({"owner_user_id": 82031118}, "INVALID_FORMAT", "owner_user_id"),
        ({"entity_id": ""}, "INVALID_FORMAT", "entity_id"),
        ({"admins": []}, "UNKNOWN_FIELD", "admins"),
    ],
)
async def test_wrong_account(
    accounts: Accounts, change: dict[str, Any], code: str, path: str
) -> None:
    """What is wrong is named."""
    body = {"name": "Bakery", "owner_user_id": NO_ONE} | change
    assert (await accounts.partner.ask("account.create", body)).refusal == (400, code, path)


async def test_owner_and_entity_must_be_there(accounts: Accounts) -> None:
    """The owner has confirmed its e-mail, too; another partner's users and entities are nowhere."""
    owner, hasty = await accounts.user(), await accounts.user(confirmed=False)
    body = {"name": "Bakery", "owner_user_id": owner}
    elsewhere = Accounts(type(accounts.partner)(accounts.partner.deployment))
    stranger = await elsewhere.user()
    for change, refusal in (
        ({"owner_user_id": NO_ONE}, (404, "USER_NOT_FOUND", "owner_user_id")),
        ({"owner_user_id": stranger}, (404, "USER_NOT_FOUND", "owner_user_id")),
        ({"owner_user_id": hasty}, (409, "USER_NOT_CONFIRMED", "owner_user_id")),
        ({"entity_id": NO_ONE}, (404, "ENTITY_NOT_FOUND", "entity_id")),
        ({"entity_id": elsewhere.entity_id}, (404, "ENTITY_NOT_FOUND", "entity_id")),
    ):
        refused = await accounts.partner.ask("account.create", body | change)
        assert refused.refusal == refusal
    assert not (await accounts.partner.ask("account.list")).done["items"]


async def test_account_is_its_partners(accounts: Accounts) -> None:
    """For another partner there is no such account."""
    account_id = await accounts.open(await accounts.user())
    other = type(accounts.partner)(accounts.partner.deployment)
    for title in ("account.get", "account.record_settlement"):
        refused = await other.ask(title, {"account_id": account_id})
        assert refused.refusal == (404, "ACCOUNT_NOT_FOUND", "account_id")
    assert not (await other.ask("account.list")).done["items"]


async def test_key_makes_a_repeat_safe(accounts: Accounts) -> None:
    """The same reply again, no second account; another request with the key is a conflict."""
    body = {"name": "Bakery", "owner_user_id": await accounts.user()}
    first = await accounts.partner.ask("account.create", body, idempotency_key="one")
    again = await accounts.partner.ask("account.create", body, idempotency_key="one")
    assert (again.done, again.version) == (first.done, 1)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await accounts.partner.ask(
        "account.create", body | {"name": "Brewery"}, idempotency_key="one"
    )
    assert other.refusal == (409, "IDEMPOTENCY_KEY_REUSED", None)
    assert len((await accounts.partner.ask("account.list")).done["items"]) == 1


async def test_account_settles_once(accounts: Accounts) -> None:
    """A second record is no change: the same reply, no event; If-Match is obeyed."""
    account_id = await accounts.open(await accounts.user())
    body = {"account_id": account_id}
    refused = await accounts.partner.ask("account.record_settlement", body, if_match="2")
    assert refused.refusal == (409, "VERSION_CONFLICT", None)
    first = await accounts.settle(account_id)
    assert first.done["settled"] is True
    assert first.done["settled_at"] is not None
    assert first.done["version"] == first.version == 2
    again = await accounts.settle(account_id)
    assert (again.done, again.version) == (first.done, 2)
    _, event = await accounts.events(account_id)
    assert (event["type"], event["data"]["account"]) == ("account.settled", first.done)
    assert event["data"]["changed"] == ["settled", "settled_at"]
    missing = await accounts.settle(NO_ONE)
    assert missing.refusal == (404, "ACCOUNT_NOT_FOUND", "account_id")


async def test_what_is_sent_as_null_has_not_changed(accounts: Accounts) -> None:
    """The event of a new account names the fields that have a value."""
    account_id = await accounts.open(await accounts.user(), entity_id=None, description=None)
    [event] = await accounts.events(account_id)
    assert event["data"]["changed"] == ["name", "owner_user_id"]


async def test_account_of_a_domain(accounts: Accounts) -> None:
    """An account's domain is its entity's; without an entity it has none, and no domain sees it."""
    partner, entity_id = accounts.partner, await accounts.partner.entity()
    in_domain = {"$set": {"domain": DOMAIN}}
    await partner.deployment.database["entities"].update_one({"_id": entity_id}, in_domain)
    owner, outsider = await accounts.user(entity_id=entity_id), await accounts.user()
    inside = await accounts.open(owner, entity_id=entity_id)
    outside = await accounts.open(owner)
    token = partner.token(domain=DOMAIN)
    assert (await partner.ask("account.get", {"account_id": inside}, token)).done
    hidden = await partner.ask("account.get", {"account_id": outside}, token)
    assert hidden.refusal == (404, "ACCOUNT_NOT_FOUND", "account_id")
    for body in ({}, {"user_id": owner}, {"entity_id": entity_id}):
        listed = (await partner.ask("account.list", body, token)).done["items"]
        assert [each["account_id"] for each in listed] == [inside]
    seats = (await partner.ask("membership.list", {"user_id": owner}, token)).done["items"]
    assert [each["account_id"] for each in seats] == [inside]
    body = {"name": "Bakery", "owner_user_id": owner}
    rootless = await partner.ask("account.create", body, token)
    assert rootless.refusal == (403, "OUTSIDE_DOMAIN", "entity_id")
    assert "must name an entity" in rootless.body["errors"][0]["message"]
    body |= {"entity_id": entity_id, "owner_user_id": outsider}
    unseen = await partner.ask("account.create", body, token)
    assert unseen.refusal == (404, "USER_NOT_FOUND", "owner_user_id")


def by_type(events: list[Event]) -> dict[str, int]:
    """How many events there are of each type."""
    types = [event["type"] for event in events]
    return {each: types.count(each) for each in types}


async def test_refusals_tell_nothing_on_the_stream(accounts: Accounts) -> None:
    """Whatever is refused has no event, and no half of it is there."""
    owner = await accounts.user()
    await accounts.partner.ask("account.create", {"name": "Bakery", "owner_user_id": NO_ONE})
    account_id = await accounts.open(owner)
    await accounts.remove(owner, account_id, owner)
    assert len(await accounts.events(account_id)) == 1
    assert by_type(await accounts.membership_events()) in ({}, {"membership.created": 1})
