"""Who may ask, and who may set what."""

from typing import Any

import pytest

from service.auth.scopes import ALL_SCOPES, Scope, TokenUse
from tests.client import Partner
from tests.preference.asking import (
    CONFIRMATION,
    EXTERNAL,
    LOW_BALANCE,
    external_item,
    settings,
    trigger_item,
)

CLAIMS = next(iter(EXTERNAL))
PERSON_ALONE = ("get", "put", "get_external", "put_external", "evaluate")


def body_of(name: str, person: str) -> dict[str, Any]:
    """A request that is in order."""
    if name == "evaluate":
        return {"person_id": person, "notification_preference_type": CONFIRMATION}
    return {"person_id": person, "items": []} if "put" in name else {"person_id": person}


async def test_own_token_sets_opt_in_and_threshold(partner: Partner) -> None:
    """A person's own token changes `opted_in` and `threshold`."""
    person = await partner.user()
    own = partner.user_token(person)
    items = [
        trigger_item(CONFIRMATION, "SMS", opted_in=True),
        trigger_item(LOW_BALANCE, threshold={"value": 20}),
    ]
    reply = await partner.ask("preference.put", {"person_id": person, "items": items}, own)
    now = settings(reply.done["items"])
    assert now[CONFIRMATION, "SMS", "opted_in"] is True
    assert now[LOW_BALANCE, "threshold"] == 20.0
    external = {"person_id": person, "items": [external_item(CLAIMS, "SMS", opted_in=True)]}
    reply = await partner.ask("preference.put_external", external, own)
    assert settings(reply.done["items"])[CLAIMS, "SMS", "opted_in"] is True


@pytest.mark.parametrize("use", [TokenUse.USER, TokenUse.PERSONAL])
async def test_own_token_does_not_enable(partner: Partner, use: TokenUse) -> None:
    """It does not change `enabled`, whatever its scopes; nothing of such a request is kept."""
    person = await partner.user()
    own = partner.token(subject=person, use=use, scopes=ALL_SCOPES)
    refused = (403, "WRONG_TOKEN_KIND", "items.0.{}configurations.0.enabled")
    items = [trigger_item(CONFIRMATION, "EMAIL", opted_in=False, enabled=False)]
    reply = await partner.ask("preference.put", {"person_id": person, "items": items}, own)
    assert reply.refusal == (*refused[:2], refused[2].format("preferences.0."))
    external = {"person_id": person, "items": [external_item(CLAIMS, "EMAIL", enabled=False)]}
    reply = await partner.ask("preference.put_external", external, own)
    assert reply.refusal == (*refused[:2], refused[2].format(""))
    assert (await partner.ask("preference.get", {"person_id": person})).version == 0


async def test_own_token_puts_back_what_it_read(partner: Partner) -> None:
    """What is sent as it is anyway is not a change: `enabled` may stand in what a person sends."""
    person = await partner.user()
    own = partner.user_token(person)
    items = (await partner.ask("preference.get", {"person_id": person}, own)).done["items"]
    configuration = items[0]["preferences"][0]["configurations"][0]
    configuration["opted_in"] = not configuration["opted_in"]
    reply = await partner.ask("preference.put", {"person_id": person, "items": items}, own)
    assert reply.done["items"] == items
    assert reply.version == 1


async def test_enabling_takes_admin_domain(partner: Partner) -> None:
    """A client changes `enabled` with the scope admin:domain, and without it the rest."""
    person = await partner.user()
    client = partner.token(scopes=ALL_SCOPES - {Scope.ADMIN_DOMAIN})
    body = {"person_id": person, "items": [trigger_item(CONFIRMATION, "EMAIL", enabled=False)]}
    reply = await partner.ask("preference.put", body, client)
    path = "items.0.preferences.0.configurations.0.enabled"
    assert reply.refusal == (403, "MISSING_SCOPE", path)
    reply = await partner.ask("preference.put", body)
    assert settings(reply.done["items"])[CONFIRMATION, "EMAIL", "enabled"] is False
    body["items"] = [trigger_item(CONFIRMATION, "EMAIL", opted_in=False)]
    assert (await partner.ask("preference.put", body, client)).version == 2


@pytest.mark.parametrize("name", PERSON_ALONE)
async def test_others_do_not_exist(partner: Partner, name: str) -> None:
    """Somebody else is a 404 for a person's own token, and for another partner, and domain."""
    person, stranger = await partner.user(), await partner.user()
    own, body = partner.user_token(person), body_of(name, stranger)
    not_found = (404, "PERSON_NOT_FOUND", "person_id")
    assert (await partner.ask(f"preference.{name}", body, own)).refusal == not_found
    assert (await partner.ask(f"preference.{name}", body_of(name, person), own)).status == 200
    elsewhere = Partner(partner.deployment)
    assert (await elsewhere.ask(f"preference.{name}", body)).refusal == not_found
    domain = partner.token(domain="11111111-1111-4111-8111-111111111111")
    assert (await partner.ask(f"preference.{name}", body, domain)).refusal == not_found


@pytest.mark.parametrize("name", PERSON_ALONE)
async def test_domain_sees_its_own(partner: Partner, name: str) -> None:
    """A token with a domain reaches the people under that administrator, and keeps them there."""
    domain = "22222222-2222-4222-8222-222222222222"
    person = await partner.user()
    database = partner.deployment.database
    await database["users"].update_one({"_id": person}, {"$set": {"domain": domain}})
    token = partner.token(domain=domain)
    body = body_of(name, person)
    if name == "put":
        body["items"] = [trigger_item(CONFIRMATION, "SMS", opted_in=True)]
    assert (await partner.ask(f"preference.{name}", body, token)).status == 200
    if name == "put":
        document = await database["preferences"].find_one({"_id": person})
        assert document is not None
        assert document["domain"] == domain


async def test_master_is_for_clients_of_the_whole_partner(partner: Partner) -> None:
    """Master switches are a client's, with admin:domain, and not a domain's to throw."""
    own = partner.user_token(await partner.user())
    put = {"switches": {"EMAIL": False}}
    wrong_kind = (403, "WRONG_TOKEN_KIND", None)
    assert (await partner.ask("preference.put_master", put, own)).refusal == wrong_kind
    assert (await partner.ask("preference.get_master", {}, own)).refusal == wrong_kind
    domain = partner.token(domain="33333333-3333-4333-8333-333333333333")
    refused = await partner.ask("preference.put_master", put, domain)
    assert refused.refusal == (403, "OUTSIDE_DOMAIN", None)
    client = partner.token(scopes=ALL_SCOPES - {Scope.ADMIN_DOMAIN})
    refused = await partner.ask("preference.put_master", put, client)
    assert refused.refusal == (403, "MISSING_SCOPE", None)
    assert (await partner.ask("preference.get_master", {}, client)).done["switches"]["EMAIL"]


@pytest.mark.parametrize("name", [*PERSON_ALONE, "get_master", "put_master", "catalogue"])
async def test_module_off(partner: Partner, name: str) -> None:
    """With the module NOTIFICATIONS off, every operation is a 405."""
    person = "44444444-4444-4444-8444-444444444444"
    modules = {"_id": partner.name, "version": 1, "modules": {"NOTIFICATIONS": False}}
    await partner.deployment.database["partners"].insert_one(modules)
    reply = await partner.ask(f"preference.{name}", body_of(name, person))
    assert reply.refusal == (405, "MODULE_NOT_ENABLED", None)
