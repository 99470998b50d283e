"""Entities in MongoDB: the only code that knows their field names there."""

from schemas.organisation import Business, BusinessEventData, CreateEntity, Entity
from service.call import Call
from service.storage.kind import Index, Kind
from service.storage.mongo import Document

ENTITIES = Kind(
    "entities",
    (
        Index("listed", ("partner", "entity_type", "_id")),
        Index("by_parent", ("parent_id", "_id")),
    ),
    # A move stays under the same administrator, so an entity's domain is fixed too.
    fixed=("entity_type",),
)


async def find_entity(call: Call, entity_id: str) -> Document | None:
    """The entity with this id, whoever's it is, or None.

    Raises: Unavailable.
    """
    return await call.storage[ENTITIES].read(entity_id)


async def find_entity_facts(call: Call, entity_id: str) -> Document | None:
    """What never changes of the entity with this id: whose it is, its type and its domain.

    Raises: Unavailable.
    """
    return await call.storage[ENTITIES].read_fixed(entity_id)


async def ids_in_subtree(call: Call, entity_id: str) -> list[str]:
    """The entity's id, and those of all entities below it.

    Raises: Unavailable.
    """
    ids, level = [entity_id], [entity_id]
    while level:
        below = await call.storage[ENTITIES].find(
            {"parent_id": {"$in": level}}, ("parent_id",), hint="by_parent"
        )
        level = [each["_id"] for each in below]
        ids += level
    return ids


def new_business(id: str, request: CreateEntity, parent: Document | None) -> Document:
    """A business entity as seed 002 makes one: a party to the business, with no EIN of its own."""
    document = {
        "_id": id,
        "entity_type": "business",
        "business_type": "BUSINESS_PARTY",
        "registration_number": request.registration_number,
        "name": request.trading_name,
        "alias": None,
        "ein": None,
        "exchange_id": None,
        "parent_id": parent["_id"] if parent else None,
    }
    if parent is not None and "domain" in parent:
        document["domain"] = parent["domain"]
    return document


def entity_view(document: Document) -> Entity:
    """An entity as `svc.entity` shows it."""
    return Entity(
        entity_id=document["_id"],
        entity_type=document["entity_type"],
        registration_number=document["registration_number"],
        trading_name=document["name"],
        parent_id=document["parent_id"],
        admin_id=document.get("domain"),
        user_id=document.get("user_id"),
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        version=document["version"],
    )


def business_view(document: Document) -> Business:
    """A business as `svc.business` and its events show it."""
    return Business(
        business_id=document["_id"],
        name=document["name"],
        alias=document["alias"],
        ein=document["ein"],
        business_type=document["business_type"],
        admin_id=document.get("domain"),
        parent_id=document["parent_id"],
        exchange_id=document["exchange_id"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        version=document["version"],
    )


def business_created(document: Document) -> BusinessEventData:
    """The data of the event that tells of a new business."""
    changed = ["registration_number", "trading_name"]
    if document["parent_id"] is not None:
        changed.append("parent_id")
    return BusinessEventData(
        business_id=document["_id"], changed=changed, business=business_view(document)
    )
