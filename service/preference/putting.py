"""Carrying out a put: what is different, who may change it, and the one write that does."""

from service.auth.scopes import Scope, TokenUse
from service.call import Call
from service.identity.problems import PersonNotFound
from service.preference import store
from service.preference.people import find_person
from service.preference.store import PREFERENCES, Tier
from service.preference.views import changed_data
from service.preference.wishes import Wishes
from service.problems import MissingScope, WrongTokenKind
from service.storage.mongo import Document
from service.storage.writes import Change


async def put_wishes(call: Call, person_id: str, tier: Tier, wishes: Wishes) -> Document:
    """Set what is wished and not so yet, and give the person's document as it is afterwards.

    Raises: PersonNotFound, VersionConflict, WrongTokenKind, MissingScope, Unavailable.
    """
    person = await find_person(call, person_id)
    new = store.nothing_set(call, person.document)

    def decide(document: Document | None) -> Change | None:
        if document is not None and not call.sees(document, owner=person_id):
            raise PersonNotFound(path="person_id")  # erased since it was found
        before = document or new
        call.expect_version(before["version"])
        different: Wishes = {
            setting: wish
            for setting, wish in wishes.items()
            if wish.value != store.current(call.catalogue, before, tier, setting)
        }
        if not different:
            return None
        _refuse_enabling(call, different)
        return Change(
            store.CHANGED[tier],
            store.with_wishes(before, tier, different),
            changed_data(call.catalogue, tier, different),
        )

    document = await call.storage[PREFERENCES].change(call, person_id, decide, new)
    call.etag = document["version"]
    return document


def _refuse_enabling(call: Call, wishes: Wishes) -> None:
    """What the platform offers is not a person's to change, nor any client's.

    Raises: WrongTokenKind, MissingScope.
    """
    path = next((wish.path for setting, wish in wishes.items() if setting.name == "enabled"), None)
    if path is None:
        return
    if call.caller.use is not TokenUse.CLIENT:
        raise WrongTokenKind("Only a client changes what is offered.", path=path)
    if not call.caller.has(Scope.ADMIN_DOMAIN):
        raise MissingScope(path=path, arguments=[Scope.ADMIN_DOMAIN])
