"""The profile that a user of an entity has from the start: it stands in the user's own document.

So that both are there in one write, of which `user.created` tells. Its id follows from the user's
and leads back to it, which spares an index: every user has an entry in each.
"""

from collections.abc import Mapping
from typing import Any

from uuid_utils import UUID

from schemas.profile import Profile, ProfileEventData
from service.storage.mongo import Document

# Any bits of those that are random in a UUID of version 7, so that the time in it stays.
_TURNED = 0x0C1D_5B3A_97E2_46F1


def twin(id: str) -> str:
    """The id of the first profile of a user, or of the user whose first profile it is."""
    return str(UUID(int=UUID(id).int ^ _TURNED))


def first_profile(user_id: str, entity: Document) -> Document:
    """What is kept of it in the user's document."""
    # An administrator is a business too.
    kind = "personal" if entity["entity_type"] == "personal" else "business"
    return {"id": twin(user_id), "type": kind, "entity_id": entity["_id"]}


def first_profile_of(user: Mapping[str, Any]) -> Document | None:
    """The profile as it would stand in a document of its own, or None where there is none."""
    kept = user["profile"]
    if kept is None:
        return None
    return {
        "_id": kept["id"],
        "partner": user["partner"],
        **({"domain": user["domain"]} if "domain" in user else {}),
        "user_id": user["_id"],
        "type": kept["type"],
        "entity_id": kept["entity_id"],
        "created_at": user["created_at"],
        "version": 1,
    }


def profile_view(document: Document) -> Profile:
    """A profile as `svc.profile` and its events show it."""
    return Profile(
        profile_id=document["_id"],
        user_id=document["user_id"],
        type=document["type"],
        entity_id=document["entity_id"],
        created_at=document["created_at"],
        version=document["version"],
    )


def profile_created(document: Document) -> ProfileEventData:
    """The data of the event that tells of a new profile."""
    changed = ["type", "user_id"]
    if document["entity_id"] is not None:
        changed.insert(0, "entity_id")
    return ProfileEventData(
        profile_id=document["_id"],
        user_id=document["user_id"],
        changed=changed,
        profile=profile_view(document),
    )
