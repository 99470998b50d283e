"""The operations of svc.entity."""

from schemas.organisation import (
    BusinessCreated,
    CreateBusinessEntity,
    CreateEntity,
    CreatePersonalEntity,
    Entity,
    EntityCreated,
    EntityId,
    EntityList,
    EntityReference,
    ListEntities,
)
from schemas.user import UserCreated
from service.auth.scopes import CLIENTS, Scope
from service.call import Call
from service.ids import new_id
from service.operation import Operations
from service.organisation import parents, store
from service.organisation.problems import EntityNotFound, InvalidParent
from service.organisation.store import ENTITIES
from service.organisation.views import business_data, entity_data, entity_view
from service.problems import InvalidCursor, OutsideDomain
from service.storage.errors import Duplicate
from service.storage.pages import read_page
from service.storage.together import Transaction
from service.users import store as users
from service.users.problems import EmailTaken
from service.users.store import USERS

entity_operations = Operations("entity")


@entity_operations.command(
    "create",
    scope=Scope.WRITE_BUSINESS,
    callers=CLIENTS,
    creates=ENTITIES,
    emits=[EntityCreated, UserCreated, BusinessCreated],
    refuses=[EntityNotFound, InvalidParent, OutsideDomain, EmailTaken],
)
async def create(request: CreateEntity, call: Call) -> EntityReference:
    """Create a personal entity with its user; or a business one, whose users come one by one."""
    call.etag = 1
    match request:
        case CreatePersonalEntity():
            return await _create_personal(request, call)
        case CreateBusinessEntity():
            return await _create_business(request, call)
    raise TypeError("an entity of no type")


@entity_operations.query(
    "get", scope=Scope.READ_BUSINESS, callers=CLIENTS, refuses=[EntityNotFound]
)
async def get(request: EntityId, call: Call) -> Entity:
    """Read an entity; or an administrator, as one."""
    document = await store.find_entity(call, request.entity_id)
    if document is None or not call.sees(document):
        raise EntityNotFound(path="entity_id")
    call.etag = document["version"]
    return entity_view(document)


@entity_operations.query(
    "list", scope=Scope.READ_BUSINESS, callers=CLIENTS, refuses=[InvalidCursor]
)
async def list_entities(request: ListEntities, call: Call) -> EntityList:
    """List personal and business entities, oldest first; administrators have their own list."""
    query, index = store.entities_query(call, request)
    page = await read_page(call, call.storage[ENTITIES], query, request, entity_view, hint=index)
    return EntityList(items=page.items, next_cursor=page.next_cursor)


async def _create_business(request: CreateBusinessEntity, call: Call) -> EntityReference:
    parent = None
    if request.parent_id is None:
        _refuse_roots(call, "parent_id")
    else:
        parent = await parents.named_entity(call, request.parent_id, "parent_id")
        parents.check_parent("BUSINESS_PARTY", parent.get("domain"), parent)
    document = store.new_business_party(new_id(call.now), request, parent)
    reply = EntityReference(entityId=document["_id"])
    told = sorted(name for name, value in request if value is not None and name != "entity_type")
    await call.storage[ENTITIES].insert(call, document, BusinessCreated, business_data(told), reply)
    return reply


async def _create_personal(request: CreatePersonalEntity, call: Call) -> EntityReference:
    """Make the entity and its user in one transaction.

    Raises: OutsideDomain, EmailTaken, KeyTaken, Unavailable.
    """
    _refuse_roots(call, "entity_type")
    entity = store.new_personal_entity(new_id(call.now), new_id(call.now))
    user = users.new_user(call, entity["user_id"], request, entity)
    reply = EntityReference(entityId=entity["_id"], userId=user["_id"])

    async def work(transaction: Transaction) -> None:
        # The user last: its e-mail is what others may want, and is then held the shortest.
        await transaction.insert(
            ENTITIES, entity, EntityCreated, entity_data(["entity_type", "user_id"]), reply
        )
        await transaction.insert(
            USERS, user, UserCreated, users.event_data(users.names_given(user))
        )

    try:
        await call.storage.together(call, work, keeps=ENTITIES)
    except Duplicate:
        raise EmailTaken(request.email) from None
    return reply


def _refuse_roots(call: Call, path: str) -> None:
    """Refuse to make what has no parent for a domain: it would lie outside.

    Raises: OutsideDomain.
    """
    if call.caller.domain is not None:
        raise OutsideDomain(path=path)
