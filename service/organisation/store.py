"""Entities in MongoDB: the only code that knows their field names there.

Administrators, businesses and personal entities are one collection, told apart by `entity_type`:
`administrator`, `business`, `personal`. A parent is kept by its id, never a path. Besides what is
shown: `name_key`, a business's name as it is searched; `modules`, what is set for an
administrator's domain; `tree_version` of a root, which every move in its tree raises.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from schemas.organisation import (
    CreateAdministrator,
    CreateBusiness,
    CreateBusinessEntity,
    ListBusinesses,
    ListEntities,
    UpdateBusiness,
)
from service.call import Call
from service.storage.kind import Index, Kind
from service.storage.mongo import Document

EIN_INDEX = "ein"
"""The unique index that lets one business or administrator of a partner have an EIN."""

ENTITIES = Kind(
    "entities",
    (
        Index(EIN_INDEX, ("partner", "ein"), unique=True, where={"ein": {"$gt": ""}}),
        Index("listed", ("partner", "entity_type", "_id")),
        Index(
            "by_domain",
            ("partner", "domain", "entity_type", "_id"),
            where={"domain": {"$exists": True}},
        ),
        Index("by_type", ("partner", "business_type", "_id")),
        Index("by_alias", ("partner", "alias", "_id"), where={"alias": {"$gt": ""}}),
        Index("by_parent", ("parent_id", "_id")),
        # The id before the name: a search reads the names in the order of the list, and stops
        # when the page is full.
        Index("by_name", ("partner", "_id", "name_key"), where={"name_key": {"$gt": ""}}),
    ),
    # A move stays under the same administrator, so an entity's domain is fixed too.
    fixed=("entity_type", "business_type"),
)

ROOT_TYPE: Final = "ADMINISTRATOR"
TREE_VERSION: Final = "tree_version"

_SHOWN_AS = {
    "name": "business_name",
    "ein": "business_ein",
    "alias": "business_alias",
    "exchange_id": "business_exchange_id",
}
"""Fields of an administrator's document, and their names in a request."""


async def find_entity(call: Call, entity_id: str) -> Document | None:
    """The entity with this id, whoever's it is, or None.

    Raises: Unavailable.
    """
    return await call.storage[ENTITIES].read(entity_id)


async def find_entity_facts(call: Call, entity_id: str) -> Document | None:
    """What never changes of the entity with this id: whose it is, its types and its domain.

    Raises: Unavailable.
    """
    return await call.storage[ENTITIES].read_fixed(entity_id)


async def ids_in_subtree(call: Call, entity_id: str) -> list[str]:
    """The entity's id, and those of all entities below it.

    Raises: Unavailable.
    """
    return [entity_id, *await call.storage[ENTITIES].tree.ids_below(entity_id)]


def new_administrator(id: str, request: CreateAdministrator) -> Document:
    """An administrator: a root, and what lies under it is its domain."""
    named = {field: getattr(request, name) for field, name in _SHOWN_AS.items()}
    return {
        "_id": id,
        "entity_type": "administrator",
        "business_type": ROOT_TYPE,
        "registration_number": None,
        "administrator_code": request.administrator_code,
        **named,
        "parent_id": None,
        "domain": id,
    }


def new_business(id: str, request: CreateBusiness) -> Document:
    """A business under an administrator."""
    return {
        "_id": id,
        "entity_type": "business",
        "business_type": request.business_type,
        "registration_number": None,
        **_named(request.name),
        "alias": request.alias,
        "ein": request.ein,
        "exchange_id": request.exchange_id,
        "parent_id": request.parent_id or request.admin_id,
        "domain": request.admin_id,
    }


def new_business_party(id: str, request: CreateBusinessEntity, parent: Document | None) -> Document:
    """A business entity as seed 002 makes one: a party to the business, with no EIN of its own."""
    document = {
        "_id": id,
        "entity_type": "business",
        "business_type": "BUSINESS_PARTY",
        "registration_number": request.registration_number,
        **_named(request.trading_name),
        "alias": None,
        "ein": None,
        "exchange_id": None,
        "parent_id": parent["_id"] if parent else None,
    }
    if parent is not None and "domain" in parent:
        document["domain"] = parent["domain"]
    return document


def new_personal_entity(id: str, user_id: str) -> Document:
    """The entity of one person, who is its only user."""
    return {
        "_id": id,
        "entity_type": "personal",
        "business_type": None,
        "registration_number": None,
        "name": None,
        "parent_id": None,
        "user_id": user_id,
    }


def at_birth(call: Call, document: Document) -> Document:
    """A new document as storage will keep it, for the reply that is kept with it."""
    born = {"version": 1, "created_at": call.now, "updated_at": call.now}
    return document | born


def changed_fields(document: Document, request: UpdateBusiness) -> dict[str, Any]:
    """What the request changes, as it is to be kept; empty when it changes nothing."""
    sent = request.model_dump(include={"name", "alias", "ein", "exchange_id"}, exclude_unset=True)
    different = {name: value for name, value in sent.items() if document[name] != value}
    if "name" in different:
        different |= _named(different["name"])
    return different


def names_told(fields: Mapping[str, Any]) -> list[str]:
    """The names of changed fields as an event tells them: not those that only we know."""
    return sorted(fields.keys() - {"name_key"})


def is_root(document: Document) -> bool:
    """Whether it is an administrator."""
    return bool(document["entity_type"] == "administrator")


def is_personal(document: Document) -> bool:
    """Whether it is a personal entity."""
    return bool(document["entity_type"] == "personal")


def administrators_query(call: Call) -> tuple[dict[str, Any], str]:
    """The query of the administrators that the caller sees, and the index that serves it."""
    return _seen(call, "administrator")


def domain_query(call: Call, administrator_id: str) -> tuple[dict[str, Any], str]:
    """The query of all businesses under an administrator, and the index that serves it."""
    query = {"partner": call.partner, "domain": administrator_id, "entity_type": "business"}
    return query, "by_domain"


def entities_query(call: Call, request: ListEntities) -> tuple[dict[str, Any], str]:
    """The query of a list request for this caller, and the index that serves it."""
    # Named one by one, so that an index with the type before the id gives them in their order.
    return _seen(call, request.entity_type or {"$in": ["business", "personal"]})


def businesses_query(call: Call, request: ListBusinesses) -> tuple[dict[str, Any], str]:
    """The query of a list request for this caller, and the index that serves it.

    Of several filters, the one that leaves the fewest chooses the index.
    """
    query, index = _seen(call, "business")
    if request.business_type is not None:
        query["business_type"] = request.business_type
        index = "by_type" if call.caller.domain is None else index
    if request.name is not None:
        # Greater than "", so that it is seen to be of those that the partial index holds.
        query["name_key"] = {"$gt": "", "$regex": _pattern(request.name)}
        index = "by_name"
    for name, its_index in (("parent_id", "by_parent"), ("alias", "by_alias"), ("ein", EIN_INDEX)):
        if (value := getattr(request, name)) is not None:
            query[name], index = value, its_index
    return query, index


def _seen(call: Call, entity_type: object) -> tuple[dict[str, Any], str]:
    query: dict[str, Any] = {"partner": call.partner, "entity_type": entity_type}
    if call.caller.domain is None:
        return query, "listed"
    return query | {"domain": call.caller.domain}, "by_domain"


def _named(name: str) -> dict[str, str]:
    return {"name": name, "name_key": _comparable(name)}


def _comparable(name: str) -> str:
    """The name as it is searched: without regard to case, and to how its letters are composed."""
    return unicodedata.normalize("NFC", name.casefold())


def _pattern(part: str) -> str:
    """The regular expression of all names that hold the part; MongoDB takes no NUL in one."""
    return re.escape(_comparable(part)).replace("\0", r"\x00")
