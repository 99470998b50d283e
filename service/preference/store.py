"""Preferences in MongoDB: the only code that knows their field names there.

A person who has ever set something has one document, under its own id: `internal`, by trigger, and
`external`, by external preference, each with what was set on a channel (`{"EMAIL": {"opted_in":
false}}`), and `threshold` beside a trigger's channels.

Kept is what somebody has set, also where they have set it back to what the catalogue says: a
decision, once made, holds whatever a later catalogue says. What nobody has touched is not kept and
follows the catalogue. What is kept under a name that the catalogue has dropped is not shown, and
is there again when the name is. Triggers are not kept by category, so that they may move.
"""

from collections.abc import Mapping
from typing import Any, Literal

from schemas.event import EventType
from schemas.preference import ExternalPreferencesChanged, InternalPreferencesChanged
from service.call import Call
from service.preference.catalogue import Catalogue, Choice, Choices, Trigger
from service.preference.wishes import Setting, Wishes
from service.storage.kind import Kind
from service.storage.mongo import Document

PREFERENCES = Kind("preferences")

Tier = Literal["internal", "external"]

CHOSEN_FIELDS = ("internal", "external", "version")
"""What a person has set, in both tiers."""

CHANGED: Mapping[Tier, EventType] = {
    "internal": InternalPreferencesChanged,
    "external": ExternalPreferencesChanged,
}
"""The event that tells of a change in each tier."""


def nothing_set(call: Call, person: Document) -> Document:
    """The document of a person who has set nothing yet."""
    document = {"_id": person["_id"], "partner": call.partner, "version": 0}
    document |= {"internal": {}, "external": {}}
    if "domain" in person:
        document["domain"] = person["domain"]
    return document


def choices(document: Document | None, tier: Tier, of: str, defaults: Choices) -> Choices:
    """How the channels of a trigger or an external preference stand for a person."""
    chosen = _chosen(document, tier, of)
    if not chosen:
        return defaults
    return {
        channel: _choice(default, chosen[channel]) if channel in chosen else default
        for channel, default in defaults.items()
    }


def threshold(document: Document | None, trigger: Trigger) -> float | None:
    """A trigger's threshold for a person; None where the trigger has none."""
    if trigger.threshold is None:
        return None
    chosen = _chosen(document, "internal", trigger.notification_preference_type)
    value: float = chosen.get("threshold", trigger.threshold.value)
    return value


def current(
    catalogue: Catalogue, document: Document, tier: Tier, setting: Setting
) -> bool | float | None:
    """What a setting of the catalogue is for a person."""
    if setting.channel is None:
        return threshold(document, catalogue.triggers[setting.of])
    offers = catalogue.triggers if tier == "internal" else catalogue.externals
    stand = choices(document, tier, setting.of, offers[setting.of].defaults)[setting.channel]
    return stand.enabled if setting.name == "enabled" else stand.opted_in


def with_wishes(document: Document, tier: Tier, wishes: Wishes) -> dict[str, Any]:
    """The fields of the document once these are set in it."""
    kept = dict(document[tier])
    for setting, wish in wishes.items():
        kept[setting.of] = _with(kept.get(setting.of, {}), setting, wish.value)
    return {tier: kept}


def _with(chosen: Mapping[str, Any], setting: Setting, value: bool | float) -> dict[str, Any]:
    if setting.channel is None:
        return {**chosen, setting.name: value}
    on_channel = chosen.get(setting.channel, {})
    return {**chosen, setting.channel: {**on_channel, setting.name: value}}


def _choice(default: Choice, chosen: Mapping[str, bool]) -> Choice:
    return Choice(chosen.get("enabled", default.enabled), chosen.get("opted_in", default.opted_in))


def _chosen(document: Document | None, tier: Tier, of: str) -> Mapping[str, Any]:
    chosen: Mapping[str, Any] = document[tier].get(of, {}) if document is not None else {}
    return chosen
