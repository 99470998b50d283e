"""What the tests send to svc.preference, and where in its replies they look."""

import json
from typing import Any

from schemas.event import Event
from service.preference.catalogue import BUILT_IN
from tests.client import Partner, events_on
from tests.eventually import eventually

Json = dict[str, Any]

CATALOGUE: Json = json.loads(BUILT_IN.read_text())
MEDIA = ("SMS", "PUSH", "EMAIL", "PAPER")
TRIGGERS: dict[str, Json] = {
    trigger["notification_preference_type"]: trigger | {"category": category["category"]}
    for category in CATALOGUE["categories"]
    for trigger in category["preferences"]
}
EXTERNAL: dict[str, Json] = {
    each["external_notification_preference_id"]: each for each in CATALOGUE["external"]
}

CONFIRMATION = "CLAIM_CONFIRMATION"
PURCHASE = "DEBIT_CARD_PURCHASE_NOTIFICATION"
LOW_BALANCE = "HSA_CASH_BALANCE_WARNING"
"""Has a threshold of 100 that a value meets from below."""
WITHDRAWAL = "HSA_WITHDRAWAL_WARNING"
"""Has a threshold of 500 that a value meets from above."""


def trigger_item(trigger: str, medium: str | None = None, **fields: object) -> Json:
    """An item of `put`: fields of one channel of a trigger, or of the trigger itself."""
    preference: Json = {"notification_preference_type": trigger}
    if medium is None:
        preference |= fields
    else:
        preference["configurations"] = [{"communication_delivery_type": medium} | fields]
    return {"category": TRIGGERS[trigger]["category"], "preferences": [preference]}


def external_item(id: str, medium: str, **fields: object) -> Json:
    """An item of `put_external`: fields of one channel."""
    configuration = {"communication_delivery_type": medium} | fields
    return {"external_notification_preference_id": id, "configurations": [configuration]}


def settings(items: list[Json]) -> dict[tuple[str, ...], object]:
    """Everything that a reply shows as set, by where it is."""
    found: dict[tuple[str, ...], object] = {}
    for item in items:
        for each in item.get("preferences", [item]):
            of = each.get("notification_preference_type") or _id(each)
            if each.get("threshold"):
                found[of, "threshold"] = each["threshold"]["value"]
            for configuration in each["configurations"]:
                medium = configuration["communication_delivery_type"]
                for name in ("enabled", "opted_in"):
                    found[of, medium, name] = configuration[name]
    return found


async def told(partner: Partner, service: str, id: str, upto: int) -> list[Event]:
    """The events of one of the aggregates with this id, once the stream has that of a version.

    A user and its preferences share their id.
    """

    async def all_there() -> list[Event]:
        found = await events_on(partner.deployment, f"evt.{service}.{partner.name}.{id}.>")
        return found if found and found[-1]["aggregateversion"] >= upto else []

    events: list[Event] = await eventually(all_there, what=f"version {upto} in the stream")
    assert [event["aggregateversion"] for event in events] == list(range(1, upto + 1))
    return events


def _id(external: Json) -> str:
    id: str = external["external_notification_preference_id"]
    return id
