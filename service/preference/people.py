"""People, wherever they are kept: whether there is such a one, and how to reach it."""

from dataclasses import dataclass

from service.call import Call
from service.identity.problems import PersonNotFound
from service.identity.store import CONTACT_FIELDS as PERSON_FIELDS
from service.identity.store import PERSONS, primary_email
from service.preference.store import CHOSEN_FIELDS, PREFERENCES
from service.storage.mongo import Document
from service.storage.pairs import Pair
from service.users.store import CONTACT_FIELDS as USER_FIELDS
from service.users.store import USERS, email_to_use

_USERS_AND_CHOICES = Pair(USERS, USER_FIELDS, PREFERENCES, CHOSEN_FIELDS)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may be told something."""

    document: Document
    email: str | None


async def find_person(call: Call, id: str) -> Person:
    """The person with this id, where the caller may know of it.

    Raises: PersonNotFound, Unavailable.
    """
    user = await call.storage[USERS].read(id, USER_FIELDS)
    return await _user_or_other(call, id, user)


async def find_with_choices(call: Call, id: str) -> tuple[Person, Document | None]:
    """The person with this id, as `find_person` finds it, and what is set for it, if anything.

    Raises: PersonNotFound, Unavailable.
    """
    user, chosen = await call.storage.read_pair(_USERS_AND_CHOICES, id)
    return await _user_or_other(call, id, user), chosen


async def _user_or_other(call: Call, id: str, user: Document | None) -> Person:
    """The user, or, where there is none, who else has the id: users are asked for most often."""
    if user is not None:
        if call.sees(user, owner=id):
            return Person(user, email_to_use(user))
    else:
        other = await call.storage[PERSONS].read(id, PERSON_FIELDS)
        if other is not None and call.sees(other):
            return Person(other, primary_email(other))
    raise PersonNotFound(path="person_id")
