"""Profiles in MongoDB: the first of a user stands in the user's document, the others here."""

from datetime import timedelta

from schemas.profile import CreateProfile
from service.call import Call
from service.ids import new_id
from service.storage.kind import ERASED_AT, Index, Kind
from service.storage.mongo import Document
from service.users.profile import first_profile_of, twin
from service.users.store import USERS

PROFILES = Kind(
    "profiles",
    (
        # Not of those that were erased, which have none of the three.
        Index(
            "one_profile_of_each",
            ("user_id", "type", "entity_id"),
            unique=True,
            where={"user_id": {"$exists": True}},
        ),
        Index("by_user", ("user_id", "_id")),
    ),
)

FACTS = ("profile", "created_at")
"""What of a user's document its profiles are made of."""


def new_profile(call: Call, request: CreateProfile, user: Document) -> Document:
    """A further profile of a user."""
    # Lists are in the order of the ids, also when this worker's clock is behind another's.
    moment = max(call.now, user["created_at"] + timedelta(milliseconds=1))
    document = {
        "_id": new_id(moment),
        "user_id": request.user_id,
        "type": request.type,
        "entity_id": request.entity_id,
    }
    if "domain" in user:
        document["domain"] = user["domain"]
    return document


def has_already(user: Document, request: CreateProfile) -> bool:
    """Whether the user's first profile is the one that is asked for."""
    first = user["profile"]
    if first is None or first["type"] != request.type:
        return False
    return request.type == "personal" or first["entity_id"] == request.entity_id


async def find_profile(call: Call, profile_id: str) -> Document | None:
    """The profile with this id, whoever's it is, or None.

    Raises: Unavailable.
    """
    user = await call.storage[USERS].read(twin(profile_id), FACTS)
    if user is not None:
        return first_profile_of(user) if ERASED_AT not in user else None
    return await call.storage[PROFILES].read(profile_id)
