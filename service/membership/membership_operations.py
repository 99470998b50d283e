"""The operations of svc.membership."""

import asyncio

from schemas.event import EventType
from schemas.membership import (
    AccountAdminsChanged,
    ApproveMembership,
    CheckPermission,
    CreateMembership,
    ListMemberships,
    MembershipApproved,
    MembershipCreated,
    MembershipList,
    MembershipModified,
    MembershipRejected,
    MembershipRemoved,
    MembershipRole,
    ModifyMembership,
    PermissionAnswer,
    RejectMembership,
    RemoveMembership,
)
from service.auth.scopes import CLIENTS, Scope
from service.auth.scopes import USERS as USER_TOKENS
from service.call import Call
from service.membership import roles, store
from service.membership.access import has_role, in_reach, refuse_stranger
from service.membership.changes import change_membership, give_seat
from service.membership.problems import (
    AccountNotFound,
    AlreadyMember,
    FundsSettled,
    LastAdmin,
    MembershipNotFound,
    MemberTokenRefused,
    NotAccountAdmin,
    NotPending,
    UserNotActive,
    UserNotConfirmed,
)
from service.membership.roles import ADMIN, MODERATOR, NONE
from service.membership.store import ACCOUNTS, MEMBERSHIPS
from service.operation import Module, Operations
from service.problems import InvalidCursor, TokenExpired, Unauthenticated
from service.storage.kind import ERASED_AT
from service.storage.mongo import Document
from service.storage.pages import read_page
from service.storage.pairs import Pair
from service.storage.writes import Change
from service.users.problems import UserNotFound
from service.users.store import STANDING_FIELDS, USERS

membership_operations = Operations("membership", module=Module.MEMBERSHIP)

_USERS_AND_SEATS = Pair(USERS, STANDING_FIELDS, store.MEMBERSHIPS, ("role",), store.SEAT)


@membership_operations.command(
    "create",
    scope="by role",
    callers=USER_TOKENS,
    creates=MEMBERSHIPS,
    emits=[MembershipCreated],
    refuses=[
        MemberTokenRefused,
        AccountNotFound,
        NotAccountAdmin,
        AlreadyMember,
        FundsSettled,
        UserNotConfirmed,
    ],
)
async def create(request: CreateMembership, call: Call) -> MembershipRole:
    """Add a user to an account, as what an admin or a moderator of it may; an admin, as proposed.

    One write: a proposal changes no admin, and its approval looks at everything again.
    """
    user_id, actor = await _member(call, request.member_access_token), call.caller.subject
    users = call.storage[USERS]
    user, acting, account, own, membership = await asyncio.gather(
        users.read(user_id, STANDING_FIELDS),
        users.read(actor, STANDING_FIELDS),
        call.storage[ACCOUNTS].read(request.account_id, store.RULING_FIELDS),
        store.find_seat(call, request.account_id, actor),
        store.find_seat(call, request.account_id, user_id),
    )
    if user is None or user["partner"] != call.partner or not user.get("active"):
        raise MemberTokenRefused
    _refuse_inactive(acting)
    account = in_reach(call, account)
    roles.refuse_addition(own["role"] if own else NONE, request.role)
    if membership is not None and membership["role"] != NONE:
        raise AlreadyMember(path="member_access_token")
    if request.role == ADMIN:
        roles.refuse_settled(account)
        roles.refuse_unfit(user, "member_access_token")
    return await give_seat(call, account, user_id, membership, _role_given(request))


@membership_operations.command(
    "modify",
    scope="by role",
    callers=USER_TOKENS,
    versioned=True,
    emits=[MembershipModified, AccountAdminsChanged],
    refuses=[
        AccountNotFound,
        NotAccountAdmin,
        MembershipNotFound,
        FundsSettled,
        LastAdmin,
        UserNotActive,
        UserNotConfirmed,
    ],
)
async def modify(request: ModifyMembership, call: Call) -> MembershipRole:
    """Give a user of an account another role, or propose it as an admin.

    Another role is the last word on the user: a proposal that waits goes with the old one.
    """

    def decide(membership: Document) -> Change | None:
        if request.role == membership["role"]:
            return None
        if request.role == ADMIN:
            role = store.given(membership["role"], request.admin_context, pending=True)
        else:
            role = store.given(request.role, request.admin_context)
        changed = store.names_told(membership, role)
        if not changed:
            return None
        return Change(MembershipModified, role, store.membership_event(changed))

    _refuse_inactive(await call.storage[USERS].read(call.caller.subject, STANDING_FIELDS))
    document = await change_membership(call, request.account_id, request.user_id, decide)
    return store.role_reply(request.account_id, request.user_id, document)


@membership_operations.command(
    "remove",
    scope="by role",
    callers=USER_TOKENS,
    versioned=True,
    emits=[MembershipRemoved, AccountAdminsChanged],
    refuses=[AccountNotFound, NotAccountAdmin, MembershipNotFound, FundsSettled, LastAdmin],
)
async def remove(request: RemoveMembership, call: Call) -> MembershipRole:
    """Take a user's role in an account away."""

    def decide(membership: Document) -> Change:
        role = store.given(NONE)
        changed = store.names_told(membership, role)
        return Change(MembershipRemoved, role, store.membership_event(changed))

    _refuse_inactive(await call.storage[USERS].read(call.caller.subject, STANDING_FIELDS))
    document = await change_membership(call, request.account_id, request.user_id, decide)
    return store.role_reply(request.account_id, request.user_id, document)


@membership_operations.command(
    "approve",
    scope=Scope.APPROVE_MEMBERSHIP,
    callers=CLIENTS,
    versioned=True,
    emits=[MembershipApproved, AccountAdminsChanged],
    refuses=[
        AccountNotFound,
        MembershipNotFound,
        NotPending,
        FundsSettled,
        UserNotActive,
        UserNotConfirmed,
    ],
)
async def approve(request: ApproveMembership, call: Call) -> MembershipRole:
    """Make a user who is proposed as an admin one."""
    role = {"role": ADMIN, "pending": False}
    return await _decided(call, request, role, MembershipApproved)


@membership_operations.command(
    "reject",
    scope=Scope.APPROVE_MEMBERSHIP,
    callers=CLIENTS,
    versioned=True,
    emits=[MembershipRejected],
    refuses=[AccountNotFound, MembershipNotFound, NotPending],
)
async def reject(request: RejectMembership, call: Call) -> MembershipRole:
    """Refuse that a user becomes an admin; it keeps its role."""
    role = {"pending": False, "admin_context": None}
    return await _decided(call, request, role, MembershipRejected)


@membership_operations.query("list", scope=Scope.READ_ACCOUNT, refuses=[InvalidCursor])
async def list_memberships(request: ListMemberships, call: Call) -> MembershipList:
    """List the memberships of an account, or of a user, oldest first."""
    query, index = store.memberships_query(call, request, await _confines(request, call))
    page = await read_page(
        call,
        call.storage[MEMBERSHIPS],
        query,
        request,
        store.membership_view,
        hint=index,
        fields=store.MEMBERSHIP_FIELDS,
    )
    return MembershipList(items=page.items, next_cursor=page.next_cursor)


@membership_operations.query(
    "check", scope=Scope.READ_ACCOUNT, refuses=[AccountNotFound, UserNotFound]
)
async def check(request: CheckPermission, call: Call) -> PermissionAnswer:
    """Tell whether a user may do something in an account: asked before every action there."""
    await refuse_stranger(call, request.account_id)
    in_reach(call, await call.storage[ACCOUNTS].read_fixed(request.account_id))
    user, membership = await call.storage.read_pair(
        _USERS_AND_SEATS, request.user_id, store.seat(request.account_id, request.user_id)
    )
    role = membership["role"] if membership else NONE
    # Who has a role is seen by whoever sees the account, in whichever domain that user is.
    if (
        user is None
        or ERASED_AT in user
        or (role == NONE and not call.sees(user, owner=request.user_id))
    ):
        raise UserNotFound(path="user_id")
    allowed = user["active"] and roles.allows(role, request.permission)
    return PermissionAnswer(allowed=allowed, role=role)


async def _member(call: Call, token: str) -> str:
    """The id of the user that the token in the request's body speaks for.

    Raises: MemberTokenRefused, Unavailable.
    """
    try:
        member = await call.authority.verifier.caller_of(token, call.now.timestamp())
    except (Unauthenticated, TokenExpired):
        raise MemberTokenRefused from None
    if member.own_id is None or not member.may_ask_for(call.partner):
        raise MemberTokenRefused
    return member.own_id


def _refuse_inactive(user: Document | None) -> None:
    """Refuse the acting user once it is inactive or erased, though its token may look good still.

    Raises: Unauthenticated.
    """
    if user is not None and not user.get("active"):
        raise Unauthenticated("The token has been revoked.")


def _role_given(request: CreateMembership) -> Document:
    """The role that a new user has at once: a moderator's while it is proposed as an admin."""
    if request.role == ADMIN:
        return store.given(MODERATOR, request.admin_context, pending=True)
    return store.given(request.role, request.admin_context)


async def _decided(
    call: Call,
    request: ApproveMembership | RejectMembership,
    role: Document,
    event: EventType,
) -> MembershipRole:
    def decide(membership: Document) -> Change:
        if not membership["pending"]:
            raise NotPending(path="user_id")
        changed = store.names_told(membership, role)
        return Change(event, role, store.decided_event(changed, request.reason))

    document = await change_membership(call, request.account_id, request.user_id, decide)
    return store.role_reply(request.account_id, request.user_id, document)


async def _confines(request: ListMemberships, call: Call) -> list[str] | None:
    """The accounts that a user's own token is confined to, where the request asks for more.

    Raises: Unavailable.
    """
    own_id = call.caller.own_id
    if own_id is None or (request.account_id is None and request.user_id == own_id):
        return None
    if request.account_id is not None:
        return None if await has_role(call, request.account_id, own_id) else []
    return await store.find_account_ids(call, own_id, store.within(call))
