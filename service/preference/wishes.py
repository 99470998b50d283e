"""Wishes: what a request wants to set, held against the catalogue before anything is looked at."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from schemas.preference import (
    DeliveryType,
    PutConfiguration,
    PutExternalPreferences,
    PutPreference,
    PutPreferences,
)
from schemas.problem import FieldError
from service.preference.catalogue import Catalogue, Category, Choices, Trigger
from service.problems import InvalidRequest

_MOST_TOLD = 100


class Setting(NamedTuple):
    """One thing that can be set for a person."""

    of: str
    """A trigger's type or an external preference's id."""
    channel: DeliveryType | None
    """None for a threshold."""
    name: Literal["enabled", "opted_in", "threshold"]

    def __str__(self) -> str:
        """As an event tells of it: `CLAIM_CONFIRMATION.EMAIL.opted_in`."""
        return ".".join(part for part in self if part is not None)


class Wish(NamedTuple):
    """What a setting is to be, and where the request says so."""

    value: bool | float
    path: str


Wishes = dict[Setting, Wish]


def internal_wishes(catalogue: Catalogue, request: PutPreferences) -> Wishes:
    """What the request wants of triggers.

    Raises: InvalidRequest, with the path of whatever is not in the catalogue.
    """
    reading = _Reading()
    for at, item in enumerate(request.items):
        path = f"items.{at}"
        category = catalogue.by_category.get(item.category)
        if category is None:
            reading.refuse(unknown(f"{path}.category", "category"))
            continue
        reading.compare(
            f"{path}.category_description", item.category_description, category.category_description
        )
        for place, preference in enumerate(item.preferences):
            _read_preference(reading, f"{path}.preferences.{place}", category, preference)
    return reading.wishes()


def external_wishes(catalogue: Catalogue, request: PutExternalPreferences) -> Wishes:
    """What the request wants of external preferences.

    Raises: InvalidRequest, with the path of whatever is not in the catalogue.
    """
    reading = _Reading()
    for at, item in enumerate(request.items):
        id, path = item.external_notification_preference_id, f"items.{at}"
        external = catalogue.externals.get(id)
        if external is None:
            where = f"{path}.external_notification_preference_id"
            reading.refuse(unknown(where, "external preference"))
            continue
        reading.compare(f"{path}.name", item.name, external.name)
        reading.channels(path, id, item.configurations, external.defaults)
    return reading.wishes()


def unknown(path: str, what: str) -> FieldError:
    """The error of a field that names what the catalogue does not have."""
    return not_allowed(path, f"the catalogue has no such {what}")


def not_allowed(path: str, message: str) -> FieldError:
    """The error of a field whose value cannot be."""
    return FieldError(code="NOT_ALLOWED_VALUE", message=message, path=path, arguments=[])


def _read_preference(
    reading: "_Reading", path: str, category: Category, preference: PutPreference
) -> None:
    type = preference.notification_preference_type
    trigger = category.triggers.get(type)
    if trigger is None:
        where = f"{path}.notification_preference_type"
        reading.refuse(unknown(where, "trigger in this category"))
        return
    reading.compare(f"{path}.name", preference.name, trigger.name)
    reading.channels(path, type, preference.configurations, trigger.defaults)
    if "threshold" in preference.model_fields_set:
        _read_threshold(reading, f"{path}.threshold", trigger, preference)


def _read_threshold(
    reading: "_Reading", path: str, trigger: Trigger, preference: PutPreference
) -> None:
    """A trigger has a threshold or none, and a request cannot give or take it away."""
    if (trigger.threshold is None) != (preference.threshold is None):
        has = "has no threshold" if trigger.threshold is None else "has a threshold"
        reading.refuse(not_allowed(path, f"this trigger {has}"))
    elif preference.threshold is not None:
        setting = Setting(trigger.notification_preference_type, None, "threshold")
        reading.wish(setting, preference.threshold.value, f"{path}.value")


class _Reading:
    """What was found in a request so far: wishes, and what is wrong."""

    def __init__(self) -> None:
        self._wishes: Wishes = {}
        self._wrong: list[FieldError] = []

    def wishes(self) -> Wishes:
        """All of them, or else nothing: of a request that is wrong nothing is carried out.

        Raises: InvalidRequest.
        """
        if self._wrong:
            raise InvalidRequest(self._wrong[:_MOST_TOLD])
        return self._wishes

    def refuse(self, error: FieldError) -> None:
        self._wrong.append(error)

    def compare(self, path: str, sent: str | None, known: str) -> None:
        """Refuse another name than the catalogue's."""
        if sent is not None and sent != known:
            self.refuse(not_allowed(path, "the catalogue has another"))

    def wish(self, setting: Setting, value: bool | float, path: str) -> None:
        """Note a wish; a request that says two things of one setting is refused."""
        if self._wishes.setdefault(setting, Wish(value, path)).value != value:
            self.refuse(not_allowed(path, "the request has another value for this too"))

    def channels(
        self, path: str, of: str, sent: Iterable[PutConfiguration], known: Choices
    ) -> None:
        """Note what is wanted of channels."""
        for at, each in enumerate(sent):
            channel, here = each.communication_delivery_type, f"{path}.configurations.{at}"
            if channel not in known:
                where = f"{here}.communication_delivery_type"
                self.refuse(unknown(where, "channel for this"))
                continue
            if each.enabled is not None:
                self.wish(Setting(of, channel, "enabled"), each.enabled, f"{here}.enabled")
            if each.opted_in is not None:
                self.wish(Setting(of, channel, "opted_in"), each.opted_in, f"{here}.opted_in")
