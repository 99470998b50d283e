"""The operations of svc.user that a user signs up and confirms its e-mail with."""

from schemas.signup import (
    ConfirmationCode,
    ConfirmUser,
    SignUp,
    UserConfirmed,
    UserConfirmedReply,
    UserSignedUp,
)
from schemas.user import UserId, UserObject
from service.auth.scopes import CLIENTS, Scope
from service.call import Call
from service.ids import new_id
from service.operation import Operations
from service.problems import OutsideDomain
from service.signup import codes
from service.signup.problems import ConfirmationFailed
from service.storage.errors import Duplicate
from service.storage.mongo import Document
from service.storage.writes import Change
from service.users import store
from service.users.operations import visible
from service.users.problems import EmailTaken, UserNotFound
from service.users.store import USERS

operations = Operations("user")


@operations.command(
    "signup",
    scope=Scope.WRITE_USER,
    callers=CLIENTS,
    creates=USERS,
    emits=[UserSignedUp],
    refuses=[EmailTaken, OutsideDomain],
)
async def signup(request: SignUp, call: Call) -> UserObject:
    """Sign up a user of no entity; the registration code is exchanged once for its token."""
    if call.caller.domain is not None:
        # A user of no entity lies outside of every domain, also of the one that makes it.
        raise OutsideDomain
    if await codes.email_is_taken(call, request.email):
        raise EmailTaken(request.email)  # before a hash is spent on it
    document = await codes.new_registered(call, new_id(call.now), request)
    reply = store.user_object(document)
    tell = store.event_data(["email", "language"])
    try:
        await call.storage[USERS].insert(call, document, UserSignedUp, tell, reply)
    except Duplicate:
        raise EmailTaken(request.email) from None
    call.etag = 1
    return reply


@operations.command(
    "send_confirmation",
    scope=Scope.WRITE_USER,
    callers=CLIENTS,
    versioned=True,
    emits=[],
    refuses=[UserNotFound],
)
async def send_confirmation(request: UserId, call: Call) -> ConfirmationCode:
    """Make a code for the partner to mail to the user; one that was made before works no more."""
    user = visible(call, await call.storage[USERS].read(request.user_id, ("email_key",)))
    call.expect_version(user["version"])
    kept, reply = codes.new_confirmation(call, user)
    await call.storage[USERS].set_untold(user["_id"], {}, {"confirmation": kept})
    call.etag = user["version"]
    return reply


@operations.command(
    "confirm",
    scope=Scope.WRITE_USER,
    versioned=True,
    emits=[UserConfirmed],
    refuses=[UserNotFound, ConfirmationFailed],
)
async def confirm(request: ConfirmUser, call: Call) -> UserConfirmedReply:
    """Confirm a user's e-mail by the code that was mailed there."""

    def decide(document: Document | None) -> Change | None:
        user = visible(call, document)
        call.expect_version(user["version"])
        if not codes.confirms(call, user, request.confirmation_code):
            raise ConfirmationFailed(path="confirmation_code")
        if user["confirmed"]:
            return None
        return Change(UserConfirmed, {"confirmed": True}, store.event_data(["confirmed"]))

    document = await call.storage[USERS].change(call, request.user_id, decide)
    call.etag = document["version"]
    return UserConfirmedReply(userId=request.user_id, confirmed=True)
