"""The operations of svc.profile."""

from schemas.profile import (
    CreateProfile,
    ListProfiles,
    Profile,
    ProfileCreated,
    ProfileId,
    ProfileList,
)
from service.auth.scopes import Scope
from service.call import Call
from service.operation import Operations
from service.organisation.parents import entity_for_user
from service.organisation.problems import EntityIsPersonal, EntityNotFound
from service.problems import InvalidCursor, OutsideDomain
from service.profiles import store
from service.profiles.problems import ProfileNotFound, ProfileThere
from service.profiles.store import PROFILES
from service.storage.errors import Duplicate
from service.storage.pages import read_page
from service.users.operations import visible
from service.users.problems import UserNotFound
from service.users.profile import first_profile_of, profile_created, profile_view
from service.users.store import USERS

operations = Operations("profile")


@operations.command(
    "create",
    scope=Scope.WRITE_USER,
    creates=PROFILES,
    emits=[ProfileCreated],
    refuses=[UserNotFound, EntityNotFound, EntityIsPersonal, OutsideDomain, ProfileThere],
)
async def create(request: CreateProfile, call: Call) -> Profile:
    """Give a user its personal profile, or one for a business; it may have each once."""
    user = visible(call, await call.storage[USERS].read(request.user_id, store.FACTS))
    if request.entity_id is not None:
        await entity_for_user(call, request.entity_id)
    if store.has_already(user, request):
        raise ProfileThere(path="type")
    document = store.new_profile(call, request, user)
    reply = profile_view({**document, "created_at": call.now, "version": 1})
    try:
        await call.storage[PROFILES].insert(call, document, ProfileCreated, profile_created, reply)
    except Duplicate:
        raise ProfileThere(path="type") from None
    call.etag = 1
    return reply


@operations.query("get", scope=Scope.READ_USER, refuses=[ProfileNotFound])
async def get(request: ProfileId, call: Call) -> Profile:
    """Read a profile."""
    profile = await store.find_profile(call, request.profile_id)
    if profile is None or not call.sees(profile, owner=profile["user_id"]):
        raise ProfileNotFound(path="profile_id")
    call.etag = profile["version"]
    return profile_view(profile)


@operations.query("list", scope=Scope.READ_USER, refuses=[UserNotFound, InvalidCursor])
async def list_profiles(request: ListProfiles, call: Call) -> ProfileList:
    """List the profiles of a user, oldest first."""
    user = visible(call, await call.storage[USERS].read(request.user_id, store.FACTS))
    first = first_profile_of(user)
    page = await read_page(
        call,
        call.storage[PROFILES],
        {"user_id": request.user_id},
        request,
        profile_view,
        hint="by_user",
        before=[first] if first is not None else [],
    )
    return ProfileList(items=page.items, next_cursor=page.next_cursor)
