"""The operations of svc.business."""

from schemas.organisation import (
    Business,
    BusinessCreated,
    BusinessesBelow,
    BusinessId,
    BusinessList,
    BusinessMoved,
    BusinessUpdated,
    CreateBusiness,
    Lineage,
    ListBusinesses,
    MoveBusiness,
    UpdateBusiness,
)
from service.auth.scopes import CLIENTS, Scope
from service.call import Call
from service.ids import new_id
from service.operation import Operations
from service.organisation import parents, store
from service.organisation.moves import move, visible_business
from service.organisation.problems import Cycle, EinTaken, EntityNotFound, InvalidParent
from service.organisation.store import ENTITIES
from service.organisation.views import business_data, business_view
from service.problems import InvalidCursor, OutsideDomain, ReplyTooLarge
from service.storage.errors import Duplicate
from service.storage.mongo import Document
from service.storage.pages import cut, from_cursor, place_of, read_page
from service.storage.together import Transaction
from service.storage.writes import Change

business_operations = Operations("business")


@business_operations.command(
    "create",
    scope=Scope.WRITE_BUSINESS,
    callers=CLIENTS,
    creates=ENTITIES,
    emits=[BusinessCreated],
    refuses=[EntityNotFound, InvalidParent, OutsideDomain, EinTaken],
)
async def create(request: CreateBusiness, call: Call) -> Business:
    """Create a business under an administrator."""
    administrator = await parents.named_entity(call, request.admin_id, "admin_id")
    if not store.is_root(administrator):
        raise EntityNotFound(path="admin_id")
    parent = administrator
    if request.parent_id is not None:
        parent = await parents.named_entity(call, request.parent_id, "parent_id")
    parents.check_parent(request.business_type, administrator["_id"], parent)
    document = store.new_business(new_id(call.now), request)
    reply = business_view(store.at_birth(call, document))
    told = sorted(name for name, value in request if value is not None)
    try:
        await call.storage[ENTITIES].insert(
            call, document, BusinessCreated, business_data(told), reply
        )
    except Duplicate:
        raise EinTaken(path="ein") from None
    call.etag = 1
    return reply


@business_operations.command(
    "update",
    scope=Scope.WRITE_BUSINESS,
    callers=CLIENTS,
    versioned=True,
    emits=[BusinessUpdated],
    refuses=[EntityNotFound, EinTaken],
)
async def update(request: UpdateBusiness, call: Call) -> Business:
    """Change fields of a business; what is not sent stays, and nothing different is no change."""

    def decide(document: Document | None) -> Change | None:
        business = visible_business(call, document)
        call.expect_version(business["version"])
        fields = store.changed_fields(business, request)
        if not fields:
            return None
        return Change(BusinessUpdated, fields, business_data(store.names_told(fields)))

    try:
        document = await call.storage[ENTITIES].change(call, request.business_id, decide)
    except Duplicate:
        raise EinTaken(path="ein") from None
    call.etag = document["version"]
    return business_view(document)


@business_operations.command(
    "move",
    scope=Scope.WRITE_BUSINESS,
    callers=CLIENTS,
    versioned=True,
    emits=[BusinessMoved],
    refuses=[EntityNotFound, OutsideDomain, Cycle, InvalidParent],
)
async def move_business(request: MoveBusiness, call: Call) -> Business:
    """Give a business another parent under the same administrator; all below it comes along."""

    async def work(transaction: Transaction) -> Document:
        return await move(call, transaction, request.business_id, request.parent_id)

    facts = visible_business(call, await store.find_entity_facts(call, request.business_id))
    # All moves under one root write to it; those of a partner that have none may share roots.
    turn = facts.get("domain") or call.partner
    document = await call.storage.together(call, work, turns=(turn,))
    call.etag = document["version"]
    return business_view(document)


@business_operations.query(
    "get", scope=Scope.READ_BUSINESS, callers=CLIENTS, refuses=[EntityNotFound]
)
async def get(request: BusinessId, call: Call) -> Business:
    """Read a business; or an administrator, as one."""
    business = _readable(call, await store.find_entity(call, request.business_id))
    call.etag = business["version"]
    return business_view(business)


@business_operations.query(
    "list", scope=Scope.READ_BUSINESS, callers=CLIENTS, refuses=[InvalidCursor]
)
async def list_businesses(request: ListBusinesses, call: Call) -> BusinessList:
    """List businesses, oldest first; administrators have a list of their own."""
    query, index = store.businesses_query(call, request)
    page = await read_page(call, call.storage[ENTITIES], query, request, business_view, hint=index)
    return BusinessList(items=page.items, next_cursor=page.next_cursor)


@business_operations.query(
    "lineage",
    scope=Scope.READ_BUSINESS,
    callers=CLIENTS,
    refuses=[EntityNotFound, ReplyTooLarge],
)
async def lineage(request: BusinessId, call: Call) -> Lineage:
    """List a business, its parent, and so on up to its administrator."""
    line = await call.storage[ENTITIES].tree.lineage(request.business_id)
    _readable(call, line[0] if line else None)
    return Lineage(items=[business_view(each) for each in line])


@business_operations.query(
    "descendants",
    scope=Scope.READ_BUSINESS,
    callers=CLIENTS,
    refuses=[EntityNotFound, InvalidCursor],
)
async def descendants(request: BusinessesBelow, call: Call) -> BusinessList:
    """List the businesses below one, oldest first, whatever their level."""
    above = _readable(call, await store.find_entity_facts(call, request.business_id))
    entities = call.storage[ENTITIES]
    if store.is_root(above) and request.depth is None:
        # A whole domain is known without a walk, so it may be of any size.
        query, index = store.domain_query(call, above["_id"])
        page = await read_page(call, entities, query, request, business_view, hint=index)
    else:
        below = from_cursor(call, {}, request)
        found = await entities.tree.descendants(
            above["_id"], request.depth, below, request.limit + 1
        )
        page = cut(call, found, request.limit, business_view, place_of)
    return BusinessList(items=page.items, next_cursor=page.next_cursor)


def _readable(call: Call, document: Document | None) -> Document:
    """The business or administrator, where the caller may know of it.

    Raises: EntityNotFound.
    """
    if document is None or store.is_personal(document) or not call.sees(document):
        raise EntityNotFound(path="business_id")
    return document
