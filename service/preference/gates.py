"""The gates: may this message be sent to this person, on this channel? Source: seed 000 (WEX).

Four switches in a row, each somebody's: the platform's master switch, the trigger, the external
preference, the person's own opt-in there. The first that is shut ends it, and is the one told.
"""

from collections.abc import Mapping
from typing import get_args

from schemas.preference import DELIVERY_TYPES, Channel, DeliveryType, Gate, MediaSwitches
from service.preference import store
from service.preference.catalogue import Choice, External, Trigger
from service.storage.mongo import Document

_NOT_OFFERED = Choice(enabled=False, opted_in=False)

# Made once: they are asked for before every message, and there are not many.
_ANSWERS: Mapping[tuple[DeliveryType, Gate | None], Channel] = {
    (channel, shut): Channel(
        communication_delivery_type=channel, deliver=shut is None, blocked_by=shut
    )
    for channel in DELIVERY_TYPES
    for shut in (None, *get_args(Gate))
}


def channels(
    media: MediaSwitches,
    trigger: Trigger,
    external: External,
    document: Document | None,
    value: float | None,
) -> list[Channel]:
    """What comes of a message on each channel, for the person of whom this is set.

    Shared by all who have the same answer: not to be changed.
    """
    type, id = trigger.notification_preference_type, external.external_notification_preference_id
    made = store.choices(document, "internal", type, trigger.defaults)
    let_out = store.choices(document, "external", id, external.defaults)
    met = value is None or _is_met(document, trigger, value)
    return [
        _ANSWERS[
            channel,
            first_shut(
                media[channel],
                made.get(channel, _NOT_OFFERED),
                met,
                let_out.get(channel, _NOT_OFFERED),
            ),
        ]
        for channel in DELIVERY_TYPES
    ]


def first_shut(master: bool, trigger: Choice, threshold_met: bool, external: Choice) -> Gate | None:
    """The gate that ends it on a channel, or None where all are open."""
    if not master:
        return "MASTER_SWITCH"
    if not (trigger.enabled and trigger.opted_in):
        return "INTERNAL_TRIGGER"
    if not threshold_met:
        return "THRESHOLD"
    if not external.enabled:
        return "EXTERNAL_CHANNEL"
    return None if external.opted_in else "CATEGORY_OPT_IN"


def _is_met(document: Document | None, trigger: Trigger, value: float) -> bool:
    """Whether a value meets the trigger's threshold, where it has one."""
    threshold = store.threshold(document, trigger)
    if threshold is None or trigger.threshold is None:
        return True
    return trigger.threshold.is_met(threshold, value)
