"""svc.profile: the profiles of a user, one personal and one for each business. Source: seed 004."""

from datetime import datetime
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator
from typing_extensions import TypedDict

from schemas.base import Page, PageRequest, Request, Uuid
from schemas.event import EventData, EventType
from schemas.user import wrong

ProfileType = Literal["personal", "business"]


class CreateProfile(Request):
    """A profile of a user: its personal one, or one for a business."""

    user_id: Uuid
    type: ProfileType
    entity_id: Uuid | None = Field(default=None, description="Required for a business profile.")

    @model_validator(mode="after")
    def _entity_for_business(self) -> Self:
        if self.type == "business" and self.entity_id is None:
            problem = wrong("entity_id", "missing", "required for a business profile")
        elif self.type == "personal" and self.entity_id is not None:
            problem = wrong("entity_id", "extra_forbidden", "not for a personal profile")
        else:
            return self
        raise ValidationError.from_exception_data("profile", [problem])


class ProfileId(Request):
    """A profile, by its id."""

    profile_id: Uuid


class ListProfiles(PageRequest):
    """The user whose profiles are wanted."""

    user_id: Uuid


class Profile(TypedDict):
    """A profile; a personal one has an `entity_id` where it is of a personal entity's user."""

    profile_id: str
    user_id: str
    type: ProfileType
    entity_id: str | None
    created_at: datetime
    version: int


class ProfileList(Page):
    """A page of profiles."""

    items: list[Profile]


class ProfileEventData(EventData):
    """A profile after the change."""

    profile_id: str
    user_id: str
    profile: Profile


ProfileCreated = EventType("profile.created", ProfileEventData, "A user has another profile.")
