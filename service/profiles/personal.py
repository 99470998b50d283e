"""What svc.profile holds on a person: the profiles that do not stand in the user's document."""

from service.call import Call
from service.personal import Holding, Shelf, Where
from service.profiles.store import PROFILES
from service.storage.mongo import Document
from service.users.profile import profile_view


def _of_user(_partner: str, person_id: str) -> Where:
    return {"user_id": person_id}, "by_user"


def _view(_call: Call, profile: Document) -> object:
    return profile_view(profile)


PROFILES_HELD = Holding(Shelf("profiles", PROFILES, _of_user, _view), service="profile")
