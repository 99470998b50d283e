"""What svc.user holds on a person: the user itself."""

from collections.abc import Mapping
from typing import Any

from schemas.privacy import UserErased, UserErasedData
from service.auth.scopes import Scope
from service.call import Call
from service.personal import Personhood, Shelf, by_own_id, removed
from service.storage.kind import ERASED_AT
from service.storage.mongo import Document
from service.storage.writes import Change
from service.users import store
from service.users.profile import first_profile_of, profile_view
from service.users.store import USERS


def _view(call: Call, user: Document) -> Any:
    sealer, unmasked = call.storage.sealer, call.caller.has(Scope.READ_SENSITIVE)
    numbers = [
        store.number(sealer, user, name) if unmasked else None
        for name in ("id_number", "permit_number")
    ]
    others = {name: user[name] for name in ("contact_email", "occupation", "avatar", "address")}
    return {**store.record(user, *numbers), **others}


def _first_profile(_call: Call, user: Document) -> Any:
    profile = first_profile_of(user)
    return profile_view(profile) if profile is not None else None


def _erased(user: Document, reason: str, fields: Mapping[str, Any]) -> Change:
    def data(after: Document) -> UserErasedData:
        return UserErasedData(
            user_id=after["_id"], changed=[ERASED_AT], erased_at=after[ERASED_AT], reason=reason
        )

    at = fields[ERASED_AT]
    # From this the other workers learn that the user's tokens are dead.
    told = {**fields, "revoked": {"at": at, "before": at}}
    return Change(UserErased, told, data, removed=_gone(user))


def _gone(user: Document) -> tuple[str, ...]:
    return tuple(name for name in removed(user) if name != "revoked")


USER = Personhood(
    USERS,
    "user",
    (Shelf("record", USERS, by_own_id, _view), Shelf("profiles", USERS, by_own_id, _first_profile)),
    _erased,
)
