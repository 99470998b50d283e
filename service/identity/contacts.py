"""The operations of svc.identity on business contacts, who are anchored to a business."""

from typing import cast

from schemas.identity import CreateBusinessContact, ListBusinessContacts, UpdateBusinessContact
from schemas.person import (
    BusinessContact,
    BusinessContactCreated,
    BusinessContactList,
    BusinessContactUpdated,
)
from service.auth.scopes import Scope
from service.call import Call
from service.identity import changes, store
from service.identity.problems import PersonNotFound
from service.identity.roles import BUSINESS_CONTACT
from service.identity.store import PERSONS
from service.identity.views import Shown
from service.operation import Module, Operations
from service.organisation.problems import EntityNotFound
from service.problems import InvalidCursor, OutsideDomain
from service.storage.pages import read_page

operations = Operations("identity", module=Module.IDENTITY)


@operations.command(
    "create_business_contact",
    scope=Scope.WRITE_PERSON,
    creates=PERSONS,
    emits=[BusinessContactCreated],
    refuses=[EntityNotFound, OutsideDomain],
)
async def create_business_contact(request: CreateBusinessContact, call: Call) -> BusinessContact:
    """Create a contact in a business."""
    reply = await changes.create_in_business(call, BUSINESS_CONTACT, request, request.business_id)
    return cast(BusinessContact, reply)


@operations.command(
    "update_business_contact",
    scope=Scope.WRITE_PERSON,
    versioned=True,
    emits=[BusinessContactUpdated],
    refuses=[PersonNotFound],
)
async def update_business_contact(request: UpdateBusinessContact, call: Call) -> BusinessContact:
    """Change a contact in a business."""
    id = request.business_contact_id
    return cast(BusinessContact, await changes.change(call, BUSINESS_CONTACT, id, request))


@operations.query(
    "list_business_contacts", scope=Scope.READ_PERSON, refuses=[EntityNotFound, InvalidCursor]
)
async def list_business_contacts(request: ListBusinessContacts, call: Call) -> BusinessContactList:
    """List the contacts in a business, oldest first."""
    await changes.readable_business(call, request.business_id)
    shown = Shown()
    query, index = store.contacts_query(call, BUSINESS_CONTACT, request.business_id)
    page = await read_page(
        call,
        call.storage[PERSONS],
        query,
        request,
        lambda document: shown.view(call, BUSINESS_CONTACT, document),
        hint=index,
        fields=shown.fields(BUSINESS_CONTACT),
    )
    return BusinessContactList(items=page.items, next_cursor=page.next_cursor)
