"""Changes at the same time: each lands, whoever makes the document that they share."""

import asyncio

from tests.client import Partner
from tests.deployment import Deploy, Deployment
from tests.preference.asking import MEDIA, TRIGGERS, settings, told, trigger_item


async def test_puts_on_different_triggers(deploy: Deploy) -> None:
    """Puts on different triggers at once, on two workers, all land."""
    deployment = await deploy(2)
    partner = Partner(deployment)
    person = await partner.user()

    async def put(trigger: str) -> None:
        items = [trigger_item(trigger, "PUSH", opted_in=True)]
        await partner.ask("preference.put", {"person_id": person, "items": items})

    await asyncio.gather(*map(put, TRIGGERS))
    shown = await partner.ask("preference.get", {"person_id": person})
    now = settings(shown.done["items"])
    assert {trigger for trigger in TRIGGERS if now[trigger, "PUSH", "opted_in"]} == set(TRIGGERS)
    assert shown.version == len(TRIGGERS)
    events = await told(partner, "preference", person, len(TRIGGERS))
    assert {event["data"]["changed"][0] for event in events} == {
        f"{trigger}.PUSH.opted_in" for trigger in TRIGGERS
    }
    assert min(deployment.answered) > 0, "one worker did it all"


async def test_two_puts_that_both_make_the_document(
    deployment: Deployment, partner: Partner
) -> None:
    """Of two first puts at once neither is lost, time after time."""
    for _ in range(20):
        person = await partner.user()
        bodies = [
            {"person_id": person, "items": [trigger_item(trigger, "PUSH", opted_in=True)]}
            for trigger in list(TRIGGERS)[:2]
        ]
        await asyncio.gather(*(partner.ask("preference.put", body) for body in bodies))
        shown = await partner.ask("preference.get", {"person_id": person})
        now = settings(shown.done["items"])
        assert [now[trigger, "PUSH", "opted_in"] for trigger in list(TRIGGERS)[:2]] == [True, True]
        assert shown.version == 2


async def test_switches_at_once(deploy: Deploy) -> None:
    """Master switches thrown at once, on two workers, all land in the one document."""
    partner = Partner(await deploy(2))
    await asyncio.gather(
        *(partner.ask("preference.put_master", {"switches": {medium: False}}) for medium in MEDIA)
    )
    shown = await partner.ask("preference.get_master", {})
    assert shown.done["switches"] == dict.fromkeys(MEDIA, False)
    assert shown.version == len(MEDIA)
    events = await told(partner, "partner", partner.name, len(MEDIA))
    assert {event["data"]["changed"][0] for event in events} == {f"switches.{m}" for m in MEDIA}
