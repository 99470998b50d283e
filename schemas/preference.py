"""svc.preference: whether, and how, a person is told. Source: seed 000 (WEX).

Which categories, triggers and external preferences there are is not said here but by the catalogue
of the deployment, which `svc.preference.<p>.catalogue` shows.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field
from typing_extensions import TypedDict

from schemas.base import Line, Request, Several, Uuid, left_out
from schemas.event import EventData, EventType

DeliveryType = Literal["SMS", "PUSH", "EMAIL", "PAPER"]
DELIVERY_TYPES: tuple[DeliveryType, ...] = get_args(DeliveryType)
"""The media, in the order in which replies have them."""

Gate = Literal[
    "MASTER_SWITCH", "INTERNAL_TRIGGER", "THRESHOLD", "EXTERNAL_CHANNEL", "CATEGORY_OPT_IN"
]
"""What can keep a message from being sent, in the order in which it is looked at."""

Direction = Literal["AT_LEAST", "AT_MOST"]
"""On which side of its threshold a value meets it; the threshold itself does in both."""

Amount = Annotated[float, Field(ge=0, le=1e12)]
"""The value of a threshold, in whatever the trigger counts."""


class PersonPreferences(Request):
    """A person, whose preferences are asked for."""

    person_id: Uuid


class PutConfiguration(Request):
    """A channel, and what is to change of it; what is left out stays."""

    communication_delivery_type: DeliveryType
    enabled: bool = left_out()
    opted_in: bool = left_out()


class PutThreshold(Request):
    """A threshold."""

    value: Amount


class PutPreference(Request):
    """A trigger, and what is to change of it; what is left out stays.

    Its name is the catalogue's: it may be sent, but not another.
    """

    notification_preference_type: Line
    name: Line = left_out()
    configurations: Several[PutConfiguration] = ()
    threshold: PutThreshold | None = Field(
        default=None, description="Null only for a trigger that has none."
    )


class PutCategory(Request):
    """A category, and the triggers in it that are to change.

    Its description is the catalogue's: it may be sent, but not another.
    """

    category: Line
    category_description: Line = left_out()
    preferences: Several[PutPreference] = ()


class PutPreferences(Request):
    """Any part of what `get` shows."""

    person_id: Uuid
    items: Several[PutCategory]


class PutExternalPreference(Request):
    """An external preference, and what is to change of it; what is left out stays.

    Its name is the catalogue's: it may be sent, but not another.
    """

    external_notification_preference_id: Uuid
    name: Line = left_out()
    configurations: Several[PutConfiguration] = ()


class PutExternalPreferences(Request):
    """Any part of what `get_external` shows."""

    person_id: Uuid
    items: Several[PutExternalPreference]


class SwitchMedia(Request):
    """Media to turn on or off; what is left out stays."""

    SMS: bool = left_out()
    PUSH: bool = left_out()
    EMAIL: bool = left_out()
    PAPER: bool = left_out()

    @property
    def sent(self) -> dict[DeliveryType, bool]:
        """The media that the request names, and how they are to stand."""
        return {
            medium: getattr(self, medium)
            for medium in DELIVERY_TYPES
            if medium in self.model_fields_set
        }


class PutMaster(Request):
    """The partner's master switches."""

    switches: SwitchMedia


class Evaluate(Request):
    """A message that somebody is about to send."""

    person_id: Uuid
    notification_preference_type: Line
    external_notification_preference_id: Uuid | None = Field(
        default=None, description="Left out for the one that carries the trigger."
    )
    value: Annotated[float, Field(ge=-1e15, le=1e15)] | None = Field(
        default=None, description="What the trigger's threshold is compared with, if it has one."
    )


class Configuration(TypedDict):
    """A channel: whether the platform offers it here, and whether the person wants it."""

    communication_delivery_type: DeliveryType
    enabled: bool
    opted_in: bool


class Threshold(TypedDict):
    """The value from which on a trigger tells."""

    value: float


class Preference(TypedDict):
    """A trigger as it is set for a person; `threshold` is null for one that has none."""

    notification_preference_type: str
    name: str
    configurations: list[Configuration]
    threshold: Threshold | None


class PreferenceCategory(TypedDict):
    """A category with its triggers."""

    category: str
    category_description: str
    preferences: list[Preference]


class Preferences(TypedDict):
    """What makes a message for a person: every trigger of the catalogue."""

    items: list[PreferenceCategory]


class ExternalPreference(TypedDict):
    """An external preference as it is set for a person."""

    external_notification_preference_id: str
    name: str
    configurations: list[Configuration]


class ExternalPreferences(TypedDict):
    """What lets a message out to a person: every external preference of the catalogue."""

    items: list[ExternalPreference]


class MediaSwitches(TypedDict):
    """Which media are on across the platform."""

    SMS: bool
    PUSH: bool
    EMAIL: bool
    PAPER: bool


class Master(TypedDict):
    """The partner's master switches."""

    switches: MediaSwitches


class Channel(TypedDict):
    """Whether to send on a channel; where not, the first gate that was shut."""

    communication_delivery_type: DeliveryType
    deliver: bool
    blocked_by: Gate | None


class Contact(TypedDict):
    """Where to send to, as far as it is known."""

    EMAIL: str | None


class Evaluation(TypedDict):
    """Whether to send a message: on any channel, and on each."""

    deliver: bool
    channels: list[Channel]
    contact: Contact


class CatalogueThreshold(TypedDict):
    """The threshold that a trigger has until somebody sets another."""

    value: float
    direction: Direction


class CataloguePreference(TypedDict):
    """A trigger, with what holds for who has set nothing."""

    notification_preference_type: str
    name: str
    external_notification_preference_id: str
    configurations: list[Configuration]
    threshold: CatalogueThreshold | None


class CatalogueCategory(TypedDict):
    """A category with its triggers."""

    category: str
    category_description: str
    preferences: list[CataloguePreference]


class PreferenceCatalogue(TypedDict):
    """All there is, with what holds for who has set nothing."""

    categories: list[CatalogueCategory]
    external: list[ExternalPreference]
    communication_delivery_types: list[DeliveryType]


class PreferencesData(EventData):
    """The triggers of a person that changed, each whole, as they are now."""

    person_id: str
    items: list[PreferenceCategory]


class ExternalPreferencesData(EventData):
    """The external preferences of a person that changed, each whole, as they are now."""

    person_id: str
    items: list[ExternalPreference]


class MasterSwitchedData(EventData):
    """The master switches of a partner."""

    partner_id: str
    switches: MediaSwitches


InternalPreferencesChanged = EventType(
    "preference.internal_changed", PreferencesData, "What makes a message for a person changed."
)
ExternalPreferencesChanged = EventType(
    "preference.external_changed",
    ExternalPreferencesData,
    "What lets a message out to a person changed.",
)
MasterSwitched = EventType(
    "partner.master_switched", MasterSwitchedData, "Media were turned on or off for all."
)
