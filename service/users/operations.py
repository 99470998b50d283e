"""The operations of svc.user."""

from schemas.base import Empty
from schemas.user import (
    ContactEmail,
    ContactEmailData,
    ContactEmailSet,
    CreateUser,
    ListUsers,
    SetContactEmail,
    SwitchUser,
    UpdateUser,
    UserActivated,
    UserActive,
    UserCreated,
    UserDeactivated,
    UserEmail,
    UserExists,
    UserId,
    UserList,
    UserObject,
    UserReference,
    UserSwitchedData,
    UserUpdated,
    check_identity_document,
)
from service.auth.scopes import CLIENTS, Scope
from service.auth.scopes import USERS as USER_TOKENS
from service.call import Call
from service.ids import new_id
from service.operation import Operations
from service.organisation.parents import entity_for_user
from service.organisation.problems import EntityIsPersonal, EntityNotFound
from service.problems import InvalidCursor, OutsideDomain
from service.refusals import refused_as_invalid
from service.storage.errors import Duplicate
from service.storage.mongo import Document
from service.storage.pages import read_page
from service.storage.writes import Change
from service.users import store
from service.users.problems import ContactEmailNotSet, EmailTaken, UserNotFound
from service.users.store import USERS

operations = Operations("user")


@operations.command(
    "create",
    scope=Scope.WRITE_USER,
    callers=CLIENTS,
    creates=USERS,
    emits=[UserCreated],
    refuses=[EntityNotFound, EntityIsPersonal, OutsideDomain, EmailTaken],
)
async def create(request: CreateUser, call: Call) -> UserReference:
    """Create a user of a business entity, with its profile for that business."""
    entity = await entity_for_user(call, request.entity_id)
    user = store.new_user(call, new_id(call.now), request, entity)
    reply = UserReference(userId=user["_id"])
    tell = store.event_data(store.names_given(user))
    try:
        await call.storage[USERS].insert(call, user, UserCreated, tell, reply)
    except Duplicate:
        raise EmailTaken(request.email) from None
    call.etag = 1
    return reply


@operations.command(
    "update",
    scope=Scope.WRITE_USER,
    versioned=True,
    emits=[UserUpdated],
    refuses=[UserNotFound, EmailTaken],
)
async def update(request: UpdateUser, call: Call) -> UserReference:
    """Change fields of a user; what is not sent stays, and nothing different is no change."""

    def decide(document: Document | None) -> Change | None:
        user = visible(call, document)
        call.expect_version(user["version"])
        fields = store.changed_fields(call, user, request)
        after = user | fields
        with refused_as_invalid():
            check_identity_document(
                after["id_type"], after["id_issue_date"], after["id_issue_expiry_date"]
            )
        if not fields:
            return None
        return Change(UserUpdated, fields, store.event_data(store.names_told(fields)))

    try:
        document = await call.storage[USERS].change(call, request.user_id, decide)
    except Duplicate:
        raise EmailTaken(request.email) from None
    call.etag = document["version"]
    return UserReference(userId=request.user_id)


@operations.query("list", scope=Scope.READ_USER, refuses=[InvalidCursor])
async def list_users(request: ListUsers, call: Call) -> UserList:
    """List users, oldest first. `id_number` is masked but for `read:sensitive`."""
    sealer, unmasked = call.storage.sealer, call.caller.has(Scope.READ_SENSITIVE)

    def view(document: Document) -> object:
        return store.record(
            document,
            store.number(sealer, document, "id_number") if unmasked else None,
            store.number(sealer, document, "permit_number"),
        )

    query, index = store.list_query(call, request)
    if call.caller.own_id is not None:
        query["_id"], index = {"$eq": call.caller.own_id}, "_id_"
    fields = store.record_fields(unmasked=unmasked)
    page = await read_page(
        call, call.storage[USERS], query, request, view, hint=index, fields=fields
    )
    if unmasked:
        await call.storage.access_log.record(call, [user["_id"] for user in page.documents])
    return UserList(users=page.items, next_cursor=page.next_cursor)


@operations.query("get", scope=Scope.READ_USER, refuses=[UserNotFound])
async def get(request: UserId, call: Call) -> UserObject:
    """Read a user."""
    return await _user_object(call, request.user_id)


@operations.query(
    "me",
    scope=Scope.READ_USER,
    callers=USER_TOKENS,
    refuses=[UserNotFound],
    open_to_own=True,
)
async def me(_request: Empty, call: Call) -> UserObject:
    """Read the user whose token asks."""
    return await _user_object(call, call.caller.subject)


@operations.query("exists", scope=Scope.READ_USER, callers=CLIENTS, throttled="exists")
async def exists(request: UserEmail, call: Call) -> UserExists:
    """Tell whether an active user of the partner has the e-mail."""
    query = store.holder_query(call, request.email)
    found = await call.storage[USERS].find(query, ("active",), hint=store.EMAIL_OF_ACTIVE, limit=1)
    return UserExists(exists=bool(found))


@operations.command(
    "set_contact_email",
    scope=Scope.WRITE_USER,
    versioned=True,
    emits=[ContactEmailSet],
    refuses=[UserNotFound],
)
async def set_contact_email(request: SetContactEmail, call: Call) -> ContactEmail:
    """Set the address to write to, for a user registered with one that nobody reads."""
    tell = store.event_data(["contact_email"])

    def data(document: Document) -> ContactEmailData:
        return ContactEmailData(**tell(document), contact_email=document["contact_email"])

    def decide(document: Document | None) -> Change | None:
        user = visible(call, document)
        call.expect_version(user["version"])
        if user["contact_email"] == request.email:
            return None
        return Change(ContactEmailSet, {"contact_email": request.email}, data)

    document = await call.storage[USERS].change(call, request.user_id, decide)
    call.etag = document["version"]
    return ContactEmail(email=document["contact_email"])


@operations.query(
    "get_contact_email", scope=Scope.READ_USER, refuses=[UserNotFound, ContactEmailNotSet]
)
async def get_contact_email(request: UserId, call: Call) -> ContactEmail:
    """Read a user's contact e-mail."""
    user = visible(call, await call.storage[USERS].read(request.user_id, ("contact_email",)))
    if user["contact_email"] is None:
        raise ContactEmailNotSet(path="user_id")
    call.etag = user["version"]
    return ContactEmail(email=user["contact_email"])


@operations.command(
    "deactivate",
    scope=Scope.WRITE_USER,
    callers=CLIENTS,
    versioned=True,
    emits=[UserDeactivated],
    refuses=[UserNotFound],
)
async def deactivate(request: SwitchUser, call: Call) -> UserActive:
    """Let a user act no more: its tokens stop working, and its e-mail is free for another."""
    return await _switched(request, call, active=False)


@operations.command(
    "activate",
    scope=Scope.WRITE_USER,
    callers=CLIENTS,
    versioned=True,
    emits=[UserActivated],
    refuses=[UserNotFound, EmailTaken],
)
async def activate(request: SwitchUser, call: Call) -> UserActive:
    """Let a user act again, with new tokens: those from before stay dead."""
    return await _switched(request, call, active=True)


async def _switched(request: SwitchUser, call: Call, *, active: bool) -> UserActive:
    tell = store.event_data(["active"])
    email = ""

    def data(document: Document) -> UserSwitchedData:
        return UserSwitchedData(**tell(document), reason=request.reason)

    def decide(document: Document | None) -> Change | None:
        nonlocal email
        user = visible(call, document)
        email = user["email"]
        call.expect_version(user["version"])
        if user["active"] is active:
            return None
        event = UserActivated if active else UserDeactivated
        return Change(event, store.switched(call, active), data)

    try:
        document = await call.storage[USERS].change(call, request.user_id, decide)
    except Duplicate:
        raise EmailTaken(email) from None
    call.etag = document["version"]
    return UserActive(userId=request.user_id, active=active)


async def _user_object(call: Call, user_id: str) -> UserObject:
    read = call.storage[USERS].read(user_id, store.OBJECT_FIELDS, naive=True)
    user = visible(call, await read)
    call.etag = user["version"]
    return store.user_object(user)


def visible(call: Call, document: Document | None) -> Document:
    """The user, where the caller may know of it.

    Raises: UserNotFound.
    """
    if document is None or not call.sees(document, owner=document["_id"]):
        raise UserNotFound(path="user_id")
    return document
