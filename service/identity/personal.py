"""What svc.identity holds on a person: the person itself, and of a consumer its household."""

from collections.abc import Mapping
from typing import Any

from schemas.privacy import IdentityErased, IdentityErasedData
from service.auth.scopes import Scope
from service.call import Call
from service.identity.roles import AUTHORIZED_SIGNER, DEPENDENT, ROLES
from service.identity.store import PERSONS, SLOT, members_query
from service.identity.views import Shown, whole
from service.personal import Personhood, Shelf, Where, by_own_id, removed
from service.storage.kind import ERASED_AT
from service.storage.mongo import Document
from service.storage.writes import Change


def _view(call: Call, person: Document) -> Any:
    role = ROLES[person["role"]]
    if not call.caller.has(Scope.READ_SENSITIVE):
        return whole(role, person)
    return Shown(frozenset(role.blocks), "UNMASKED").view(call, role, person)


def _erased(person: Document, reason: str, fields: Mapping[str, Any]) -> Change:
    role = person["role"]

    def data(after: Document) -> IdentityErasedData:
        return IdentityErasedData(
            person_id=after["_id"],
            type=role,
            changed=[ERASED_AT],
            erased_at=after[ERASED_AT],
            reason=reason,
        )

    return Change(IdentityErased, fields, data, removed=removed(person))


def _household(person_id: str) -> Where:
    """Those who are anchored to the person, where it is a consumer."""
    return members_query(person_id, DEPENDENT, AUTHORIZED_SIGNER), SLOT


PERSON = Personhood(
    PERSONS,
    "identity",
    (Shelf("record", PERSONS, by_own_id, _view),),
    _erased,
    anchored=_household,
)
