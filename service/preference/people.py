"""People, wherever they are kept: whether there is such a one, and how to reach it."""

from collections.abc import Callable
from dataclasses import dataclass

from service.call import Call
from service.identity.problems import PersonNotFound
from service.identity.store import CONTACT_FIELDS as PERSON_FIELDS
from service.identity.store import PERSONS, primary_email
from service.storage.kind import Kind
from service.storage.mongo import Document
from service.users.store import CONTACT_FIELDS as USER_FIELDS
from service.users.store import USERS, email_to_use


@dataclass(frozen=True, slots=True)
class Register:
    """A collection of people, and what has to be read there to reach one by e-mail."""

    kind: Kind
    fields: tuple[str, ...]
    email: Callable[[Document], str | None]
    users: bool = False
    """Whether these people have tokens of their own."""


REGISTERS = (
    Register(USERS, USER_FIELDS, email_to_use, users=True),
    Register(PERSONS, PERSON_FIELDS, primary_email),
)
"""Where people are kept, those who are asked for most often first."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may be told something."""

    document: Document
    email: str | None


async def find_person(call: Call, id: str) -> Person:
    """The person with this id, where the caller may know of it.

    Raises: PersonNotFound, Unavailable.
    """
    for register in REGISTERS:
        document = await call.storage[register.kind].read(id, register.fields)
        if document is not None:
            if not call.sees(document, owner=id if register.users else None):
                break
            return Person(document, register.email(document))
    raise PersonNotFound(path="person_id")
