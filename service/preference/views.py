"""Preferences as replies and events show them: what was set, over what the catalogue says."""

from collections.abc import Collection

from schemas.preference import (
    DELIVERY_TYPES,
    CatalogueCategory,
    CataloguePreference,
    CatalogueThreshold,
    Configuration,
    ExternalPreference,
    ExternalPreferencesData,
    Preference,
    PreferenceCatalogue,
    PreferenceCategory,
    PreferencesData,
    Threshold,
)
from service.preference import store
from service.preference.catalogue import Catalogue, Choices, Trigger
from service.preference.store import Tier
from service.preference.wishes import Wishes
from service.storage.mongo import Document
from service.storage.writes import DataOf


def internal_items(
    catalogue: Catalogue, document: Document | None, only: Collection[str] | None = None
) -> list[PreferenceCategory]:
    """The triggers by category, all or `only` these."""
    items = []
    for category in catalogue.categories:
        shown = [
            _preference(document, trigger)
            for type, trigger in category.triggers.items()
            if only is None or type in only
        ]
        if shown or only is None:
            items.append(
                PreferenceCategory(
                    category=category.category,
                    category_description=category.category_description,
                    preferences=shown,
                )
            )
    return items


def external_items(
    catalogue: Catalogue, document: Document | None, only: Collection[str] | None = None
) -> list[ExternalPreference]:
    """The external preferences, all or `only` these."""
    return [
        ExternalPreference(
            external_notification_preference_id=id,
            name=external.name,
            configurations=_configurations(
                store.choices(document, "external", id, external.defaults)
            ),
        )
        for id, external in catalogue.externals.items()
        if only is None or id in only
    ]


def changed_data(catalogue: Catalogue, tier: Tier, wishes: Wishes) -> DataOf:
    """What makes the data of the event that these were set."""
    changed, touched = sorted(map(str, wishes)), {setting.of for setting in wishes}

    def internal(document: Document) -> PreferencesData:
        items = internal_items(catalogue, document, touched)
        return PreferencesData(person_id=document["_id"], changed=changed, items=items)

    def external(document: Document) -> ExternalPreferencesData:
        items = external_items(catalogue, document, touched)
        return ExternalPreferencesData(person_id=document["_id"], changed=changed, items=items)

    return internal if tier == "internal" else external


def catalogue_view(catalogue: Catalogue) -> PreferenceCatalogue:
    """All there is."""
    return PreferenceCatalogue(
        categories=[
            CatalogueCategory(
                category=category.category,
                category_description=category.category_description,
                preferences=[_catalogue_preference(each) for each in category.preferences],
            )
            for category in catalogue.categories
        ],
        external=external_items(catalogue, None),
        communication_delivery_types=list(DELIVERY_TYPES),
    )


def _preference(document: Document | None, trigger: Trigger) -> Preference:
    type, value = trigger.notification_preference_type, store.threshold(document, trigger)
    return Preference(
        notification_preference_type=type,
        name=trigger.name,
        configurations=_configurations(store.choices(document, "internal", type, trigger.defaults)),
        threshold=Threshold(value=value) if value is not None else None,
    )


def _catalogue_preference(trigger: Trigger) -> CataloguePreference:
    threshold = trigger.threshold
    return CataloguePreference(
        notification_preference_type=trigger.notification_preference_type,
        name=trigger.name,
        external_notification_preference_id=trigger.external_notification_preference_id,
        configurations=_configurations(trigger.defaults),
        threshold=CatalogueThreshold(value=threshold.value, direction=threshold.direction)
        if threshold is not None
        else None,
    )


def _configurations(choices: Choices) -> list[Configuration]:
    return [
        Configuration(
            communication_delivery_type=channel, enabled=choice.enabled, opted_in=choice.opted_in
        )
        for channel, choice in choices.items()
    ]
