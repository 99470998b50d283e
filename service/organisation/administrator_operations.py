"""The operations of svc.administrator."""

from schemas.base import PageRequest
from schemas.organisation import (
    Administrator,
    AdministratorCreated,
    AdministratorId,
    AdministratorList,
    AdministratorModulesSet,
    CreateAdministrator,
    ModulesInEffect,
    PartnerModulesSet,
    SetModules,
)
from service.auth.scopes import CLIENTS, Scope
from service.call import Call
from service.ids import new_id
from service.operation import Operations
from service.organisation import store
from service.organisation.problems import EinTaken, EntityNotFound
from service.organisation.store import ENTITIES
from service.organisation.views import (
    administrator_data,
    administrator_modules_data,
    administrator_view,
)
from service.partners.store import PARTNERS, PartnerDecision, change_partner
from service.partners.switches import in_effect, partner_modules_data, switched
from service.problems import InvalidCursor, OutsideDomain
from service.storage.errors import Duplicate
from service.storage.mongo import Document
from service.storage.pages import read_page
from service.storage.writes import Change, Decision

administrator_operations = Operations("administrator")


@administrator_operations.command(
    "create",
    scope=Scope.ADMIN_DOMAIN,
    callers=CLIENTS,
    creates=ENTITIES,
    key_required=True,
    emits=[AdministratorCreated],
    refuses=[OutsideDomain, EinTaken],
)
async def create(request: CreateAdministrator, call: Call) -> Administrator:
    """Create an administrator, the root of a new domain; one for each Idempotency-Key, ever."""
    if call.caller.domain is not None:
        raise OutsideDomain
    document = store.new_administrator(new_id(call.now), request)
    reply = administrator_view(store.at_birth(call, document))
    told = sorted(name for name, value in request if value is not None)
    try:
        await call.storage[ENTITIES].insert(
            call, document, AdministratorCreated, administrator_data(told), reply
        )
    except Duplicate:
        raise EinTaken(path="business_ein") from None
    call.etag = 1
    return reply


@administrator_operations.query(
    "get", scope=Scope.READ_BUSINESS, callers=CLIENTS, refuses=[EntityNotFound]
)
async def get(request: AdministratorId, call: Call) -> Administrator:
    """Read an administrator."""
    document = await store.find_entity(call, request.administrator_id)
    administrator = _visible(call, document)
    call.etag = administrator["version"]
    return administrator_view(administrator)


@administrator_operations.query(
    "list", scope=Scope.READ_BUSINESS, callers=CLIENTS, refuses=[InvalidCursor]
)
async def list_administrators(request: PageRequest, call: Call) -> AdministratorList:
    """List administrators, oldest first."""
    query, index = store.administrators_query(call)
    page = await read_page(
        call, call.storage[ENTITIES], query, request, administrator_view, hint=index
    )
    return AdministratorList(items=page.items, next_cursor=page.next_cursor)


@administrator_operations.command(
    "set_modules",
    scope=Scope.ADMIN_DOMAIN,
    callers=CLIENTS,
    versioned=True,
    emits=[AdministratorModulesSet, PartnerModulesSet],
    refuses=[EntityNotFound, OutsideDomain],
)
async def set_modules(request: SetModules, call: Call) -> ModulesInEffect:
    """Switch modules for an administrator's domain; without one, the default of the partner.

    What is not set for a domain follows the default. Every worker obeys within 5 seconds.
    """
    if call.caller.domain not in (None, request.administrator_id):
        raise OutsideDomain(path="administrator_id")
    if request.administrator_id is None:
        partner = await change_partner(call, _switch_partner(call, request))
        call.etag = partner["version"]
        return ModulesInEffect(administrator_id=None, modules=in_effect(partner))
    administrator = await call.storage[ENTITIES].change(
        call, request.administrator_id, _switch_domain(call, request)
    )
    call.etag = administrator["version"]
    default = await call.storage[PARTNERS].read(call.partner)
    return ModulesInEffect(
        administrator_id=administrator["_id"], modules=in_effect(default, administrator)
    )


def _switch_domain(call: Call, request: SetModules) -> Decision:
    def decide(document: Document | None) -> Change | None:
        administrator = _visible(call, document)
        call.expect_version(administrator["version"])
        modules = switched(administrator, request.modules.switches)
        if modules is None:
            return None
        return Change(AdministratorModulesSet, {"modules": modules}, administrator_modules_data)

    return decide


def _switch_partner(call: Call, request: SetModules) -> PartnerDecision:
    def decide(partner: Document) -> Change | None:
        call.expect_version(partner["version"])
        modules = switched(partner, request.modules.switches)
        if modules is None:
            return None
        return Change(PartnerModulesSet, {"modules": modules}, partner_modules_data)

    return decide


def _visible(call: Call, document: Document | None) -> Document:
    """The administrator, where the caller may know of it.

    Raises: EntityNotFound.
    """
    if document is None or not store.is_root(document) or not call.sees(document):
        raise EntityNotFound(path="administrator_id")
    return document
