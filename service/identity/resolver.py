"""The operations of svc.identity that find anyone: by id alone, or by social security number."""

import asyncio

from schemas.identity import FindBySsn, PersonId
from schemas.person import Person, Persons
from service.auth.scopes import Scope
from service.call import Call
from service.identity import store
from service.identity.problems import PersonNotFound
from service.identity.store import PERSONS
from service.identity.views import person
from service.operation import Module, Operations
from service.problems import ReplyTooLarge
from service.storage.mongo import Document

operations = Operations("identity", module=Module.IDENTITY)

_MOST = 500
"""People told of who share a number: more than a list's page holds share none by right."""


@operations.query("get_person", scope=Scope.READ_PERSON, refuses=[PersonNotFound])
async def get_person(request: PersonId, call: Call) -> Person:
    """Tell who this is, whatever it is: its name, its role, and where it belongs."""
    found = await find_person(call, request.person_id)
    call.etag = found["version"]
    return person(found)


@operations.query(
    "find_by_ssn",
    scope=Scope.READ_PERSON,
    besides=[Scope.READ_SENSITIVE],
    refuses=[ReplyTooLarge],
)
async def find_by_ssn(request: FindBySsn, call: Call) -> Persons:
    """Find the people who have a social security number, by its keyed hash."""
    found = await call.storage[PERSONS].find(
        store.ssn_query(call, request.ssn), ("role",), hint="by_ssn", limit=_MOST
    )
    people = await asyncio.gather(
        *(call.storage.look_up(store.ANYONE, each["_id"]) for each in found if call.sees(each))
    )
    return Persons(items=[person(each) for each in people if each is not None])


async def find_person(call: Call, id: str) -> Document:
    """The person with this id, user or not, where the caller may know of it.

    Raises: PersonNotFound, Unavailable.
    """
    document = await call.storage.look_up(store.ANYONE, id)
    own = id if document is not None and document["role"] == "USER" else None
    if document is None or not call.sees(document, owner=own):
        raise PersonNotFound(path="person_id")
    return document
