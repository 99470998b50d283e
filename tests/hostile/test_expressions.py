"""Values that a pipeline could read as expressions: each comes back as the text that it is.

Changes that arrive together leave as one pipeline, so each is asked for with others beside it.
"""

import asyncio
from typing import Any

import pytest

from tests.client import Partner
from tests.clients import Client
from tests.hostile.world import World

TEXTS = (
    *("$$ROOT", "$outbox", "$$place", "$$REMOVE", "$_id", "$$"),
    *('{"$literal": 1}', "{$add: [1, 2]}", "$name.first", "$[]"),
)
ADDRESS = {
    **dict.fromkeys(("line1", "line2", "line3", "city", "state", "zip_code"), "{}"),
    "country": None,
}
CONTEXT = {"reason": "other", "explanation": "{}"}

UPDATES: dict[str, dict[str, Any]] = {
    "user.update": {
        **dict.fromkeys(("first_name", "last_name", "residency", "title"), "{}"),
        **dict.fromkeys(("phone_number", "permit_number", "gender", "occupation"), "{}"),
        "address": {
            "countryCode": "ZA",
            **dict.fromkeys(("firstLine", "postCode", "city", "state", "occupation"), "{}"),
        },
    },
    "business.update": dict.fromkeys(("name", "alias", "exchange_id"), "{}"),
    "identity.update_consumer": {
        **dict.fromkeys(("first_name", "middle_name", "last_name"), "{}"),
        "addresses": {"home_address": ADDRESS, "mailing_address": ADDRESS},
        "citizenship": {"employer": "{}", "job_title": "{}"},
        "identification": {"issuing_state": "{}", "issuer": "{}"},
        "employment": {
            **dict.fromkeys(("employee_number", "division"), "{}"),
            "reporting_hierarchy": [{"name": "{}", "level": 1}],
        },
    },
    "identity.update_dependent": dict.fromkeys(("first_name", "middle_name"), "{}"),
    "identity.update_authorized_signer": {"last_name": "{}", "address": ADDRESS},
    "identity.update_business_contact": {
        **dict.fromkeys(("first_name", "last_name", "title"), "{}"),
        "address": ADDRESS,
    },
}
READS: dict[str, str] = {
    "user.update": "user.list",
    "business.update": "business.get",
    "identity.update_consumer": "identity.get_consumer",
    "identity.update_dependent": "identity.list_dependents",
    "identity.update_authorized_signer": "identity.list_authorized_signers",
    "identity.update_business_contact": "identity.list_business_contacts",
}
"""What shows it all again."""

SEALED = {"permit_number"}
BLOCKS = ["ADDRESSES", "CITIZENSHIP", "IDENTIFICATION", "EMPLOYMENT"]
HIDDEN = {"user.update": {"address", "permit_number", "occupation"}}
"""Fields that the read masks or does not show; their values are looked up in the database."""


def filled(template: Any, text: str) -> Any:
    """The template with the text in its places."""
    match template:
        case dict():
            return {name: filled(value, text) for name, value in template.items()}
        case list():
            return [filled(each, text) for each in template]
    return text if template == "{}" else template


def holds(shown: Any, sent: Any) -> bool:
    """Whether all that was sent is in what is shown."""
    match sent:
        case dict():
            return isinstance(shown, dict) and all(holds(shown[k], v) for k, v in sent.items())
        case list():
            return isinstance(shown, list) and all(map(holds, shown, sent))
    return bool(shown == sent)


@pytest.mark.parametrize("title", UPDATES)
async def test_updates(partner: Partner, title: str) -> None:
    """What an update sets is what is read, in the reply, in the event and in MongoDB."""
    world = await World.of(partner)
    targets = [await world.target(title) for _ in range(3)]
    for text in TEXTS:
        sent = filled(UPDATES[title], text)
        replies = await asyncio.gather(*(partner.ask(title, key | sent) for key, _, _ in targets))
        assert {reply.status for reply in replies} == {200}, [reply.body for reply in replies]
        for _, id, collection in targets:
            document = await partner.deployment.database[collection].find_one({"_id": id})
            assert holds(document, {k: v for k, v in sent.items() if k not in SEALED}), document
    for key, id, _ in targets:
        last = filled(UPDATES[title], TEXTS[-1])
        shown = await world.shown(READS[title], key, id, BLOCKS)
        assert holds(shown, {k: v for k, v in last.items() if k not in HIDDEN.get(title, ())})
        events = await partner.events(id, len(TEXTS) + 1)
        assert len(events) == len(TEXTS) + 1


@pytest.mark.parametrize("text", TEXTS[:4])
async def test_reasons_and_decisions(partner: Partner, text: str) -> None:
    """So with the reasons that come with a change, which only the event or the record tells."""
    world = await World.of(partner)
    reason = {"user_id": world.user_id, "reason": text}
    assert (await partner.ask("user.deactivate", reason)).done
    evidence = {"document_type": text, "issuer": text, "note": text}
    body = {"person_id": world.consumer_id, "kind": "IDENTITY", "evidence": evidence}
    submitted = (await partner.ask("verification.submit", body, partner.token(subject="a"))).done
    assert holds(submitted["evidence"], evidence)
    decision = {
        "verification_id": submitted["verification_id"],
        "decision": "REJECTED",
        "reason": text,
    }
    decided = (await partner.ask("verification.decide", decision)).done
    assert decided["reason"] == text
    [*_, event] = await partner.events(submitted["verification_id"], 2)
    assert event["data"]["verification"]["reason"] == text


@pytest.mark.parametrize("text", TEXTS[:2])
async def test_signed_up(partner: Partner, text: str) -> None:
    """So with a registration code, which is only ever compared."""
    client = await Client.of(partner)
    user = await client.signed_up(registrationCode=text.ljust(32, "x"))
    assert (await client.exchange(user, registration_code=text * 8)).refusal[0] == 401
    assert (await client.exchange(user)).done["access_token"]
