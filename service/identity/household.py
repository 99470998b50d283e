"""The operations of svc.identity on those who are anchored to a consumer, and on the whole."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from schemas.identity import (
    ConsumerExpanded,
    CreateAuthorizedSigner,
    CreateDependent,
    DependentsExpanded,
    SignersExpanded,
    UpdateAuthorizedSigner,
    UpdateDependent,
)
from schemas.person import (
    AuthorizedSigner,
    AuthorizedSignerCreated,
    AuthorizedSigners,
    AuthorizedSignerUpdated,
    Dependent,
    DependentCreated,
    Dependents,
    DependentUpdated,
    Household,
)
from service.auth.scopes import Scope
from service.call import Call
from service.identity import changes, store
from service.identity.problems import LimitReached, PersonNotFound, UnmaskedNotPermitted
from service.identity.roles import AUTHORIZED_SIGNER, CONSUMER, DEPENDENT, Role
from service.identity.store import PERSONS, SLOT
from service.identity.views import Shown
from service.operation import Module, Operations
from service.problems import ReplyTooLarge
from service.storage.mongo import Document

operations = Operations("identity", module=Module.IDENTITY)


@operations.command(
    "create_dependent",
    scope=Scope.WRITE_PERSON,
    creates=PERSONS,
    emits=[DependentCreated],
    refuses=[PersonNotFound, LimitReached],
)
async def create_dependent(request: CreateDependent, call: Call) -> Dependent:
    """Create a dependent of a consumer, which may have 100 of them."""
    consumer = await _consumer(call, request.consumer_id)
    return cast(Dependent, await changes.create_in_household(call, DEPENDENT, request, consumer))


@operations.command(
    "update_dependent",
    scope=Scope.WRITE_PERSON,
    versioned=True,
    emits=[DependentUpdated],
    refuses=[PersonNotFound],
)
async def update_dependent(request: UpdateDependent, call: Call) -> Dependent:
    """Change a dependent."""
    return cast(Dependent, await changes.change(call, DEPENDENT, request.dependent_id, request))


@operations.query(
    "list_dependents",
    scope=Scope.READ_PERSON,
    refuses=[PersonNotFound, UnmaskedNotPermitted, ReplyTooLarge],
)
async def list_dependents(request: DependentsExpanded, call: Call) -> Dependents:
    """List all dependents of a consumer, oldest first."""
    shown = Shown.asked(call, request.expand, request.ssn_mode)
    _, members = await _read_members(call, request.consumer_id, (DEPENDENT,), shown)
    return Dependents(items=_views(call, DEPENDENT, members, shown))


@operations.command(
    "create_authorized_signer",
    scope=Scope.WRITE_PERSON,
    creates=PERSONS,
    emits=[AuthorizedSignerCreated],
    refuses=[PersonNotFound, LimitReached],
)
async def create_authorized_signer(request: CreateAuthorizedSigner, call: Call) -> AuthorizedSigner:
    """Create an authorized signer of a consumer, which may have 100 of them."""
    consumer = await _consumer(call, request.consumer_id)
    reply = await changes.create_in_household(call, AUTHORIZED_SIGNER, request, consumer)
    return cast(AuthorizedSigner, reply)


@operations.command(
    "update_authorized_signer",
    scope=Scope.WRITE_PERSON,
    versioned=True,
    emits=[AuthorizedSignerUpdated],
    refuses=[PersonNotFound],
)
async def update_authorized_signer(request: UpdateAuthorizedSigner, call: Call) -> AuthorizedSigner:
    """Change an authorized signer."""
    id = request.authorized_signer_id
    return cast(AuthorizedSigner, await changes.change(call, AUTHORIZED_SIGNER, id, request))


@operations.query(
    "list_authorized_signers",
    scope=Scope.READ_PERSON,
    refuses=[PersonNotFound, UnmaskedNotPermitted, ReplyTooLarge],
)
async def list_authorized_signers(request: SignersExpanded, call: Call) -> AuthorizedSigners:
    """List all authorized signers of a consumer, oldest first."""
    shown = Shown.asked(call, request.expand, request.ssn_mode)
    _, members = await _read_members(call, request.consumer_id, (AUTHORIZED_SIGNER,), shown)
    return AuthorizedSigners(items=_views(call, AUTHORIZED_SIGNER, members, shown))


@operations.query(
    "household",
    scope=Scope.READ_PERSON,
    refuses=[PersonNotFound, UnmaskedNotPermitted, ReplyTooLarge],
)
async def household(request: ConsumerExpanded, call: Call) -> Household:
    """Read a consumer with its dependents and signers; a block goes to those who have it."""
    shown = Shown.asked(call, request.expand, request.ssn_mode)
    consumer, members = await _read_members(
        call, request.consumer_id, (DEPENDENT, AUTHORIZED_SIGNER), shown, with_consumer=True
    )
    call.etag = consumer["version"]
    return Household(
        consumer=cast(Any, shown.view(call, CONSUMER, consumer)),
        dependents=_views(call, DEPENDENT, members, shown),
        authorized_signers=_views(call, AUTHORIZED_SIGNER, members, shown),
    )


async def _consumer(call: Call, id: str) -> Document:
    """What a person needs to know of the consumer that it is to be anchored to.

    Raises: PersonNotFound, Unavailable.
    """
    document = await call.storage[PERSONS].read(id, ("role",))
    return changes.visible(call, CONSUMER, document, "consumer_id")


async def _read_members(
    call: Call,
    consumer_id: str,
    roles: Sequence[Role],
    shown: Shown,
    *,
    with_consumer: bool = False,
) -> tuple[Document, list[Document]]:
    """A consumer and those of it who have the roles, in two round trips side by side.

    Raises: PersonNotFound, Unavailable.
    """
    persons = call.storage[PERSONS]
    fields = dict.fromkeys(name for role in roles for name in shown.fields(role))
    found, members = await asyncio.gather(
        persons.read(
            consumer_id, shown.fields(CONSUMER) if with_consumer else ("role",), naive=True
        ),
        persons.find(
            store.members_query(consumer_id, *roles), tuple(fields), hint=SLOT, naive=True
        ),
    )
    consumer = changes.visible(call, CONSUMER, found, "consumer_id")
    by_name = {role.name: role for role in roles}
    read = [(by_name[member["role"]], member) for member in members]
    await shown.log_read(call, [(CONSUMER, consumer), *read] if with_consumer else read)
    return consumer, members


def _views(call: Call, role: Role, members: Sequence[Document], shown: Shown) -> list[Any]:
    return [shown.view(call, role, each) for each in members if each["role"] == role.name]
