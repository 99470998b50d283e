"""The operations of svc.preference."""

from schemas.base import Empty
from schemas.preference import (
    Contact,
    Evaluate,
    Evaluation,
    ExternalPreferences,
    ExternalPreferencesChanged,
    InternalPreferencesChanged,
    Master,
    MasterSwitched,
    PersonPreferences,
    PreferenceCatalogue,
    Preferences,
    PutExternalPreferences,
    PutMaster,
    PutPreferences,
)
from service.auth.scopes import CLIENTS, Scope
from service.call import Call
from service.identity.problems import PersonNotFound
from service.operation import Module, Operations
from service.partners.media import media_in, media_now, media_switched
from service.partners.store import PARTNERS, change_partner
from service.preference import gates
from service.preference.catalogue import Catalogue, External, Trigger
from service.preference.people import find_with_choices
from service.preference.putting import put_wishes
from service.preference.views import catalogue_view, external_items, internal_items
from service.preference.wishes import external_wishes, internal_wishes, unknown
from service.problems import InvalidRequest, OutsideDomain, WrongTokenKind
from service.storage.mongo import Document
from service.storage.writes import Change

operations = Operations("preference", module=Module.NOTIFICATIONS)


@operations.query("get", scope=Scope.READ_NOTIFICATIONS, refuses=[PersonNotFound])
async def get(request: PersonPreferences, call: Call) -> Preferences:
    """Read what makes a message for a person: every trigger, on every channel."""
    _, document = await find_with_choices(call, request.person_id)
    call.etag = document["version"] if document is not None else 0
    return Preferences(items=internal_items(call.catalogue, document))


@operations.command(
    "put",
    scope=Scope.WRITE_NOTIFICATIONS,
    versioned=True,
    emits=[InternalPreferencesChanged],
    refuses=[PersonNotFound, WrongTokenKind],
)
async def put(request: PutPreferences, call: Call) -> Preferences:
    """Change triggers of a person: any part of what `get` shows; what is not sent stays.

    `enabled` is the platform's: it takes a client's token with the scope admin:domain.
    """
    wishes = internal_wishes(call.catalogue, request)
    document = await put_wishes(call, request.person_id, "internal", wishes)
    return Preferences(items=internal_items(call.catalogue, document))


@operations.query("get_external", scope=Scope.READ_NOTIFICATIONS, refuses=[PersonNotFound])
async def get_external(request: PersonPreferences, call: Call) -> ExternalPreferences:
    """Read what lets a message out to a person: every external preference, on every channel."""
    _, document = await find_with_choices(call, request.person_id)
    call.etag = document["version"] if document is not None else 0
    return ExternalPreferences(items=external_items(call.catalogue, document))


@operations.command(
    "put_external",
    scope=Scope.WRITE_NOTIFICATIONS,
    versioned=True,
    emits=[ExternalPreferencesChanged],
    refuses=[PersonNotFound, WrongTokenKind],
)
async def put_external(request: PutExternalPreferences, call: Call) -> ExternalPreferences:
    """Change external preferences of a person, as `put` changes triggers."""
    wishes = external_wishes(call.catalogue, request)
    document = await put_wishes(call, request.person_id, "external", wishes)
    return ExternalPreferences(items=external_items(call.catalogue, document))


@operations.query("get_master", scope=Scope.READ_NOTIFICATIONS, callers=CLIENTS)
async def get_master(_request: Empty, call: Call) -> Master:
    """Read the master switches: which media are on across the platform."""
    partner = await call.storage[PARTNERS].read(call.partner)
    call.etag = partner["version"] if partner is not None else 0
    return Master(switches=media_in(partner))


@operations.command(
    "put_master",
    scope=Scope.ADMIN_DOMAIN,
    callers=CLIENTS,
    versioned=True,
    emits=[MasterSwitched],
    refuses=[OutsideDomain],
)
async def put_master(request: PutMaster, call: Call) -> Master:
    """Turn media on or off across the platform; every worker obeys within 5 seconds."""
    if call.caller.domain is not None:
        raise OutsideDomain

    def decide(partner: Document) -> Change | None:
        call.expect_version(partner["version"])
        return media_switched(partner, request.switches.sent)

    partner = await change_partner(call, decide)
    call.etag = partner["version"]
    return Master(switches=media_in(partner))


@operations.query("evaluate", scope=Scope.READ_NOTIFICATIONS, refuses=[PersonNotFound])
async def evaluate(request: Evaluate, call: Call) -> Evaluation:
    """Tell whether to send a message to a person, on which channels, and where to.

    Where not, the first gate that is shut is named. The order of the gates: the master switch, the
    trigger and its threshold, the external channel, the opt-in there.
    """
    trigger, external = _named(call.catalogue, request)
    media = await media_now(call.storage, call.partner)
    person, document = await find_with_choices(call, request.person_id)
    channels = gates.channels(media, trigger, external, document, request.value)
    return Evaluation(
        deliver=any(channel["deliver"] for channel in channels),
        channels=channels,
        contact=Contact(EMAIL=person.email),
    )


@operations.query("catalogue", scope=Scope.READ_NOTIFICATIONS)
async def catalogue(_request: Empty, call: Call) -> PreferenceCatalogue:
    """Read all there is: categories, triggers, external preferences, and their defaults."""
    return catalogue_view(call.catalogue)


def _named(catalogue: Catalogue, request: Evaluate) -> tuple[Trigger, External]:
    """The trigger that the request names, and the external preference that it names or implies.

    Raises: InvalidRequest.
    """
    trigger = catalogue.triggers.get(request.notification_preference_type)
    if trigger is None:
        raise InvalidRequest([unknown("notification_preference_type", "trigger")])
    id = request.external_notification_preference_id
    external = catalogue.externals.get(id or trigger.external_notification_preference_id)
    if external is None:
        what = "external preference"
        raise InvalidRequest([unknown("external_notification_preference_id", what)])
    return trigger, external
