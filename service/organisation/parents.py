"""What an entity may be made in: which parent, under which administrator; and who may name it."""

from collections.abc import Mapping

from service.call import Call
from service.organisation import store
from service.organisation.problems import EntityIsPersonal, EntityNotFound, InvalidParent
from service.problems import OutsideDomain
from service.storage.mongo import Document

PARENTS_OF: Mapping[str, frozenset[str]] = {
    "EMPLOYER": frozenset({store.ROOT_TYPE, "EMPLOYER"}),
    "DIVISION": frozenset({"EMPLOYER", "DIVISION"}),
    "DEPARTMENT": frozenset({"EMPLOYER", "DIVISION", "DEPARTMENT"}),
    "BUSINESS_PARTY": frozenset(
        {store.ROOT_TYPE, "EMPLOYER", "DIVISION", "DEPARTMENT", "BUSINESS_PARTY"}
    ),
}
"""The types that the parent of a business of each type may have."""


async def entity_for_user(call: Call, entity_id: str) -> Document:
    """The business entity that a user is to be created in.

    Raises: EntityNotFound, EntityIsPersonal, OutsideDomain, Unavailable.
    """
    entity = await named_entity(call, entity_id, "entity_id")
    if store.is_personal(entity):
        raise EntityIsPersonal(path="entity_id")
    return entity


async def named_entity(call: Call, id: str, path: str) -> Document:
    """What never changes of an entity that a request names as a parent, in the field `path`.

    Raises: EntityNotFound, OutsideDomain, Unavailable.
    """
    return permitted(call, await store.find_entity_facts(call, id), path)


def permitted(call: Call, entity: Document | None, path: str) -> Document:
    """The entity that a request names as a parent, where the caller may name it.

    Raises: EntityNotFound, OutsideDomain.
    """
    if entity is None or entity["partner"] != call.partner:
        raise EntityNotFound(path=path)
    # An entity is nobody's own: whether a user's token may name one is the operation's to say.
    if not call.sees(entity, owner=call.caller.own_id):
        raise OutsideDomain(path=path)
    return entity


def check_parent(business_type: str, admin_id: str | None, parent: Document) -> None:
    """Check that a business of this type, under this administrator, may have the parent.

    Raises: InvalidParent.
    """
    if parent["business_type"] not in PARENTS_OF[business_type]:
        raise InvalidParent(path="parent_id")
    if parent.get("domain") != admin_id:
        raise InvalidParent("It lies under another administrator.", path="parent_id")
