"""The operations of svc.entity."""

from schemas.organisation import BusinessCreated, CreateEntity, Entity, EntityId, EntityReference
from service.auth.scopes import CLIENTS, Scope
from service.call import Call
from service.ids import new_id
from service.operation import Operations
from service.organisation import store
from service.organisation.problems import EntityIsPersonal, EntityNotFound, InvalidParent
from service.organisation.store import ENTITIES
from service.problems import OutsideDomain
from service.storage.mongo import Document

entity_operations = Operations("entity")


@entity_operations.command(
    "create",
    scope=Scope.WRITE_BUSINESS,
    callers=CLIENTS,
    creates=ENTITIES,
    emits=[BusinessCreated],
    refuses=[EntityNotFound, InvalidParent, OutsideDomain],
)
async def create(request: CreateEntity, call: Call) -> EntityReference:
    """Create a business entity; its users are then created one by one."""
    parent = await _parent(request, call)
    id = new_id(call.now)
    reply = EntityReference(entityId=id)
    await call.storage[ENTITIES].insert(
        call,
        store.new_business(id, request, parent),
        BusinessCreated,
        store.business_created,
        reply,
    )
    call.etag = 1
    return reply


@entity_operations.query(
    "get", scope=Scope.READ_BUSINESS, callers=CLIENTS, refuses=[EntityNotFound]
)
async def get(request: EntityId, call: Call) -> Entity:
    """Read an entity."""
    document = await store.find_entity(call, request.entity_id)
    if document is None or not call.sees(document):
        raise EntityNotFound(path="entity_id")
    call.etag = document["version"]
    return store.entity_view(document)


async def entity_for_user(call: Call, entity_id: str) -> Document:
    """The business entity that a user is to be created in.

    Raises: EntityNotFound, EntityIsPersonal, OutsideDomain, Unavailable.
    """
    entity = await named_entity(call, entity_id, "entity_id")
    if entity["entity_type"] == "personal":
        raise EntityIsPersonal(path="entity_id")
    return entity


async def named_entity(call: Call, entity_id: str, path: str) -> Document:
    """What never changes of an entity that the request names at `path`, to put something under.

    Raises: EntityNotFound, OutsideDomain, Unavailable.
    """
    entity = await store.find_entity_facts(call, entity_id)
    if entity is None or entity["partner"] != call.partner:
        raise EntityNotFound(path=path)
    # An entity is nobody's own: whether a user's token may name one is the operation's to say.
    if not call.sees(entity, owner=call.caller.own_id):
        raise OutsideDomain(path=path)
    return entity


async def _parent(request: CreateEntity, call: Call) -> Document | None:
    if request.parent_id is None:
        if call.caller.domain is not None:
            # A root of its own would lie outside the domain that makes it.
            raise OutsideDomain(path="parent_id")
        return None
    parent = await named_entity(call, request.parent_id, "parent_id")
    if parent["entity_type"] == "personal":
        raise InvalidParent(path="parent_id")
    return parent
