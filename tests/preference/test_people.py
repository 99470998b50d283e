"""Preferences are anybody's: a user's, and every person's of svc.identity."""

from uuid import uuid4

import pytest

from tests.client import Partner
from tests.identity.people import business, consumer, contact, dependent, signer
from tests.preference.asking import CONFIRMATION, settings, told, trigger_item


async def email_of(partner: Partner, person: str, token: str | None = None) -> str | None:
    """Where `evaluate` says to write to."""
    body = {"person_id": person, "notification_preference_type": CONFIRMATION}
    reply = await partner.ask("preference.evaluate", body, token)
    email: str | None = reply.done["contact"]["EMAIL"]
    return email


async def someone(partner: Partner, role: str) -> str:
    """A new person of a role."""
    if role == "business contact":
        return await contact(partner, await partner.entity())
    anchor = await consumer(partner)
    made = {"consumer": None, "dependent": dependent, "authorized signer": signer}[role]
    return await made(partner, anchor) if made else anchor


@pytest.mark.parametrize(
    ("role", "email"),
    [
        ("consumer", "ada@example.com"),
        ("dependent", None),
        ("authorized signer", None),
        ("business contact", "charles@example.com"),
    ],
)
async def test_of_every_role(partner: Partner, role: str, email: str | None) -> None:
    """A person of any role has preferences, and is written to where it can be."""
    person = await someone(partner, role)
    items = [trigger_item(CONFIRMATION, "SMS", opted_in=True)]
    reply = await partner.ask("preference.put", {"person_id": person, "items": items})
    assert settings(reply.done["items"])[CONFIRMATION, "SMS", "opted_in"] is True
    await told(partner, "preference", person, 1)
    assert await email_of(partner, person) == email


async def test_primary_address_alone(partner: Partner) -> None:
    """The alternate address is not written to: without a primary one there is none."""
    addresses = {"primary": None, "alternate": {"address": "other@example.com"}}
    assert await email_of(partner, await consumer(partner, email_addresses=addresses)) is None
    assert await email_of(partner, await consumer(partner, email_addresses=None)) is None


async def test_domain_and_own_tokens(partner: Partner) -> None:
    """A domain reaches the people under it and no others; a user's own token, none of them."""
    domain = str(uuid4())
    inside = await consumer(partner, await business(partner, domain))
    outside = await consumer(partner)
    token = partner.token(domain=domain)
    assert await email_of(partner, inside, token) == "ada@example.com"
    body = {"person_id": outside}
    not_found = (404, "PERSON_NOT_FOUND", "person_id")
    assert (await partner.ask("preference.get", body, token)).refusal == not_found
    own = partner.user_token(await partner.user())
    assert (await partner.ask("preference.get", body, own)).refusal == not_found
