"""Creating and changing people, the same for each role."""

import random
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from schemas.personal_data import check_block
from service.call import Call
from service.identity import store
from service.identity.problems import LimitReached, PersonNotFound
from service.identity.roles import MERGED, Role
from service.identity.store import PERSONS, SLOT
from service.identity.views import event_data, whole
from service.ids import new_id
from service.organisation.parents import named_entity
from service.organisation.problems import EntityNotFound, InvalidParent
from service.organisation.store import is_personal
from service.problems import OutsideDomain, Unavailable
from service.refusals import refused_as_invalid
from service.storage.errors import Duplicate
from service.storage.mongo import Document
from service.storage.writes import Change
from service.users.store import USERS

MOST_ANCHORED = 100
"""Dependents, and signers, that a consumer has at most."""

_ATTEMPTS = 64
"""Races for a slot that may be lost; each means that somebody else got one."""


async def create_in_business(
    call: Call, role: Role, request: BaseModel, business_id: str
) -> dict[str, Any]:
    """Create a person of the role in a business; the reply.

    Raises: EntityNotFound, OutsideDomain, KeyTaken, Unavailable.
    """
    business = await business_for_person(call, business_id)
    document = store.new_person(call, role, new_id(call.now), request, business)
    return await _insert(call, role, request, document)


async def create_in_household(
    call: Call, role: Role, request: BaseModel, consumer: Document
) -> dict[str, Any]:
    """Create a person of the role with a consumer, in one of the slots that are free; the reply.

    However many try at once, a slot is taken once.
    Raises: LimitReached, KeyTaken, Unavailable.
    """
    document = store.new_person(call, role, new_id(call.now), request, consumer)
    members = store.members_query(consumer["_id"], role)
    for _ in range(_ATTEMPTS):
        there = await call.storage[PERSONS].find(members, ("slot",), hint=SLOT)
        free = sorted(set(range(MOST_ANCHORED)) - {each["slot"] for each in there})
        if not free:
            # With a key, this same request may have taken the last one meanwhile.
            await call.storage[PERSONS].replies.refuse_taken(call, SLOT)
            raise LimitReached(path=role.anchor, arguments=[str(MOST_ANCHORED)])
        # Any of them, so that those who try at once do not all try the same.
        slot = random.choice(free)  # noqa: S311  # nothing secret hangs on it
        try:
            return await _insert(call, role, request, {**document, "slot": slot})
        except Duplicate as duplicate:
            if duplicate.index != SLOT:
                raise
    raise Unavailable


async def change(
    call: Call, role: Role, id: str, request: BaseModel, business: Document | None = None
) -> dict[str, Any]:
    """Change a person of the role, moving it to the business where one is given; the reply.

    Raises: PersonNotFound, VersionConflict, InvalidRequest, InvalidParent, Unavailable.
    """

    def decide(document: Document | None) -> Change | None:
        person = visible(call, role, document)
        call.expect_version(person["version"])
        if business is not None and not _may_move(person, business):
            raise InvalidParent(path="business_id")
        fields = store.changed_fields(call, role, person, request)
        _check_blocks(fields)
        if not fields:
            return None
        stored = store.kept(call, role, id, fields)
        return Change(role.updated, stored, event_data(role, sorted(fields)))

    document = await call.storage[PERSONS].change(call, id, decide)
    call.etag = document["version"]
    return whole(role, document)


async def business_for_person(call: Call, business_id: str) -> Document:
    """The business that a person is to be anchored to: what never changes of it.

    Raises: EntityNotFound, OutsideDomain, Unavailable.
    """
    business = await named_entity(call, business_id, "business_id")
    if is_personal(business):
        raise EntityNotFound(path="business_id")
    return business


async def readable_business(call: Call, business_id: str) -> None:
    """Make sure that the business exists for the caller, who wants to read in it.

    For a user's own token that is the one it belongs to.
    Raises: EntityNotFound, Unavailable.
    """
    if call.caller.own_id is not None:
        user = await call.storage[USERS].read(call.caller.own_id, ("entity_id",))
        if user is None or user.get("entity_id") != business_id:
            raise EntityNotFound(path="business_id")
    try:
        await business_for_person(call, business_id)
    except OutsideDomain:
        raise EntityNotFound(path="business_id") from None


def visible(call: Call, role: Role, document: Document | None, path: str = "") -> Document:
    """The person, where it has the role and the caller may know of it.

    Raises: PersonNotFound.
    """
    if document is None or not call.sees(document) or document.get("role") != role.name:
        raise PersonNotFound(path=path or role.id_field)
    return document


def _may_move(person: Document, business: Document) -> bool:
    """Whether the business is the person's own, or another of the same administrator."""
    if business["_id"] == person["business_id"]:
        return True
    return "domain" in business and business["domain"] == person.get("domain")


def _check_blocks(fields: Mapping[str, Any]) -> None:
    with refused_as_invalid():
        for name in MERGED & fields.keys():
            check_block(name, fields[name], name)


async def _insert(call: Call, role: Role, request: BaseModel, document: Document) -> dict[str, Any]:
    told = sorted(name for name, value in request if value is not None)
    # The reply is kept with the person, so it is made before the person is there.
    new = {**document, "version": 1, "created_at": call.now, "updated_at": call.now}
    reply = whole(role, new)
    await call.storage[PERSONS].insert(call, document, role.created, event_data(role, told), reply)
    call.etag = 1
    return reply
