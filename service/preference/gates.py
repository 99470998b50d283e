"""The gates: may this message be sent to this person, on this channel? Source: seed 000 (WEX).

Four switches in a row, each somebody's: the platform's master switch, the trigger, the external
preference, the person's own opt-in there. The first that is shut ends it, and is the one told.
"""

from dataclasses import dataclass

from schemas.preference import DELIVERY_TYPES, Channel, DeliveryType, Gate, MediaSwitches
from service.preference import store
from service.preference.catalogue import Choice, Choices, External, Trigger
from service.storage.mongo import Document


@dataclass(frozen=True, slots=True)
class Gates:
    """How the gates stand for one message to one person."""

    media: MediaSwitches
    trigger: Choices
    threshold_met: bool
    """Whether a value was not given, or there is no threshold, or the value meets it."""
    external: Choices

    def first_shut(self, channel: DeliveryType) -> Gate | None:
        """The gate that ends it on this channel, or None where all are open."""
        if not self.media[channel]:
            return "MASTER_SWITCH"
        trigger = self.trigger.get(channel, _NOT_OFFERED)
        if not (trigger.enabled and trigger.opted_in):
            return "INTERNAL_TRIGGER"
        if not self.threshold_met:
            return "THRESHOLD"
        external = self.external.get(channel, _NOT_OFFERED)
        if not external.enabled:
            return "EXTERNAL_CHANNEL"
        return None if external.opted_in else "CATEGORY_OPT_IN"

    def channels(self) -> list[Channel]:
        """What comes of it on each channel."""
        return [
            Channel(communication_delivery_type=channel, deliver=shut is None, blocked_by=shut)
            for channel in DELIVERY_TYPES
            for shut in (self.first_shut(channel),)
        ]


_NOT_OFFERED = Choice(enabled=False, opted_in=False)


def gates_for(
    document: Document | None,
    trigger: Trigger,
    external: External,
    value: float | None,
    media: MediaSwitches,
) -> Gates:
    """The gates for a message of a trigger to the person of whom this is set."""
    type, id = trigger.notification_preference_type, external.external_notification_preference_id
    threshold, met = store.threshold(document, trigger), True
    if value is not None and threshold is not None and trigger.threshold is not None:
        met = trigger.threshold.is_met(threshold, value)
    return Gates(
        media=media,
        trigger=store.choices(document, "internal", type, trigger.defaults),
        threshold_met=met,
        external=store.choices(document, "external", id, external.defaults),
    )
