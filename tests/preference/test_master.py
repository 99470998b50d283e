"""Master switches: thrown once, obeyed everywhere."""

import time

from tests.client import Partner
from tests.deployment import Deploy
from tests.eventually import eventually
from tests.preference.asking import CONFIRMATION, MEDIA, told

WITHIN = 5.0


async def test_all_on_until_switched(partner: Partner) -> None:
    """A partner that has set nothing has every medium on; a switch leaves the others alone."""
    shown = await partner.ask("preference.get_master", {})
    assert shown.done["switches"] == dict.fromkeys(MEDIA, True)
    assert shown.version == 0
    reply = await partner.ask("preference.put_master", {"switches": {"SMS": False, "PUSH": True}})
    assert reply.done["switches"] == dict.fromkeys(MEDIA, True) | {"SMS": False}
    assert (await partner.ask("preference.get_master", {})).done == reply.done
    again = await partner.ask("preference.put_master", {"switches": {"SMS": False}})
    assert again.version == reply.version == 1
    assert (await partner.ask("preference.put_master", {"switches": {}})).version == 1
    (event,) = await told(partner, "partner", partner.name, 1)
    assert event["type"] == "partner.master_switched"
    assert event["data"] == {
        "partner_id": partner.name,
        "changed": ["switches.SMS"],
        "switches": reply.done["switches"],
    }


async def test_no_such_medium(partner: Partner) -> None:
    """A medium that there is not is a 400 on its path."""
    reply = await partner.ask("preference.put_master", {"switches": {"FAX": False}})
    assert reply.refusal == (400, "UNKNOWN_FIELD", "switches.FAX")
    assert (await partner.ask("preference.get_master", {})).version == 0


async def test_if_match(partner: Partner) -> None:
    """If-Match is obeyed, also for version 0, that of a partner that has set nothing."""
    put = {"switches": {"PAPER": False}}
    refused = await partner.ask("preference.put_master", put, if_match="1")
    assert refused.refusal[:2] == (409, "VERSION_CONFLICT")
    assert (await partner.ask("preference.put_master", put, if_match="0")).version == 1


async def test_modules_stay(partner: Partner) -> None:
    """Switches share a document with what else is set for a partner, and leave that alone."""
    modules = {"MEMBERSHIP": False}
    kept = {"_id": partner.name, "partner": partner.name, "version": 3, "outbox": []}
    database = partner.deployment.database
    await database["partners"].insert_one(kept | {"modules": modules})
    reply = await partner.ask("preference.put_master", {"switches": {"SMS": False}})
    assert reply.version == 4
    document = await database["partners"].find_one({"_id": partner.name})
    assert document is not None
    assert document["modules"] == modules


async def test_obeyed_by_every_worker(deploy: Deploy) -> None:
    """The worker that threw a switch obeys with its next request, the others within 5 seconds."""
    deployment = await deploy(1)
    other = await deployment.add_worker()
    partner = Partner(deployment)
    person = await partner.user()
    body = {"person_id": person, "notification_preference_type": CONFIRMATION}

    async def blocked() -> bool:
        """Whether every one of so many answers, which both workers give, has the medium off."""
        before = deployment.answered
        asked = [partner.ask("preference.evaluate", body) for _ in range(40)]
        replies = [(await each).done["channels"] for each in asked]
        assert all(now > then for now, then in zip(deployment.answered, before, strict=True))
        gates = [channels[MEDIA.index("EMAIL")]["blocked_by"] for channels in replies]
        return set(gates) == {"MASTER_SWITCH"}

    assert not await blocked()  # and now both workers remember the switches
    await partner.ask("preference.put_master", {"switches": {"EMAIL": False}})
    thrown = time.monotonic()
    await eventually(blocked, within=WITHIN, what="every worker obeys")
    assert time.monotonic() - thrown < WITHIN
    await deployment.stop_worker(other)
    await partner.ask("preference.put_master", {"switches": {"EMAIL": True}})
    assert not await blocked_alone(partner, body)
    await partner.ask("preference.put_master", {"switches": {"EMAIL": False}})
    assert await blocked_alone(partner, body)


async def blocked_alone(partner: Partner, body: dict[str, str]) -> bool:
    """Whether the one worker that is left has the medium off, by the next request."""
    channels = (await partner.ask("preference.evaluate", body)).done["channels"]
    blocked: bool = channels[MEDIA.index("EMAIL")]["blocked_by"] == "MASTER_SWITCH"
    return blocked
