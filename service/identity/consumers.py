"""The operations of svc.identity on consumers, who are anchored to a business."""

from typing import cast

from schemas.identity import ConsumerExpanded, CreateConsumer, ListConsumers, UpdateConsumer
from schemas.person import Consumer, ConsumerCreated, ConsumerList, ConsumerUpdated
from service.auth.scopes import Scope
from service.call import Call
from service.identity import changes, store
from service.identity.problems import PersonNotFound, UnmaskedNotPermitted
from service.identity.roles import CONSUMER
from service.identity.store import PERSONS
from service.identity.views import Shown
from service.operation import Module, Operations
from service.organisation.problems import EntityNotFound, InvalidParent
from service.organisation.store import find_entity_facts, ids_in_subtree, is_root
from service.problems import InvalidCursor, OutsideDomain
from service.storage.pages import read_page

operations = Operations("identity", module=Module.IDENTITY)


@operations.command(
    "create_consumer",
    scope=Scope.WRITE_PERSON,
    creates=PERSONS,
    emits=[ConsumerCreated],
    refuses=[EntityNotFound, OutsideDomain],
)
async def create_consumer(request: CreateConsumer, call: Call) -> Consumer:
    """Create a consumer of a business. The reply has all its blocks, numbers masked."""
    reply = await changes.create_in_business(call, CONSUMER, request, request.business_id)
    return cast(Consumer, reply)


@operations.command(
    "update_consumer",
    scope=Scope.WRITE_PERSON,
    versioned=True,
    emits=[ConsumerUpdated],
    refuses=[PersonNotFound, EntityNotFound, OutsideDomain, InvalidParent],
)
async def update_consumer(request: UpdateConsumer, call: Call) -> Consumer:
    """Change a consumer, or move it to another business of the same administrator."""
    business = None
    if "business_id" in request.model_fields_set:
        business = await changes.business_for_person(call, request.business_id)
    reply = await changes.change(call, CONSUMER, request.consumer_id, request, business)
    return cast(Consumer, reply)


@operations.query(
    "get_consumer", scope=Scope.READ_PERSON, refuses=[PersonNotFound, UnmaskedNotPermitted]
)
async def get_consumer(request: ConsumerExpanded, call: Call) -> Consumer:
    """Read a consumer, with the blocks that are asked for."""
    shown = Shown.asked(call, request.expand, request.ssn_mode)
    read = call.storage[PERSONS].read(request.consumer_id, shown.fields(CONSUMER), naive=True)
    document = await read
    consumer = changes.visible(call, CONSUMER, document)
    await shown.log_read(call, [(CONSUMER, consumer)])
    call.etag = consumer["version"]
    return cast(Consumer, shown.view(call, CONSUMER, consumer))


@operations.query(
    "list_consumers", scope=Scope.READ_PERSON, refuses=[EntityNotFound, InvalidCursor]
)
async def list_consumers(request: ListConsumers, call: Call) -> ConsumerList:
    """List consumers, oldest first: of a business and all below it, by last name, or all."""
    shown = Shown()
    businesses, domain = None, call.caller.domain
    if request.business_id is not None and request.business_id != domain:
        if domain is None and call.caller.own_id is None:  # for the others a list is filtered
            await changes.readable_business(call, request.business_id)
        root = await find_entity_facts(call, request.business_id)
        if root is not None and is_root(root) and domain is None:
            domain = request.business_id
        else:
            businesses = await ids_in_subtree(call, request.business_id)
    query, index = store.consumers_query(call, request, domain, businesses)
    page = await read_page(
        call,
        call.storage[PERSONS],
        query,
        request,
        lambda document: shown.view(call, CONSUMER, document),
        hint=index,
        fields=shown.fields(CONSUMER),
    )
    return ConsumerList(items=page.items, next_cursor=page.next_cursor)
