"""Sign-up and the confirmation of an e-mail, parts of svc.user. Sources: seeds 001, 004 (Wise)."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from schemas.base import Line, Request, Uuid
from schemas.email import Email
from schemas.event import EventType
from schemas.user import UserEventData

Language = Literal[
    "EN", "US", "PT", "ES", "FR", "DE", "IT", "JA", "RU", "PL", "HU", "TR", "RO", "NL", "HK"
]

RegistrationCode = Annotated[str, StringConstraints(min_length=32, max_length=256)]
"""As long as a code must be; it is to be treated as a password is."""


class SignUp(Request):
    """A new user that belongs to no entity yet."""

    email: Email
    registrationCode: RegistrationCode = Field(
        description="Random, made for this user and request; exchanged once for the user's token."
    )
    language: Language = "EN"


class ConfirmUser(Request):
    """The code that was mailed to a user."""

    user_id: Uuid
    confirmation_code: Line


class ConfirmationCode(TypedDict):
    """A code to mail to the user; it proves that the user reads that e-mail."""

    confirmation_code: str
    expires_at: datetime


class UserConfirmedReply(TypedDict):
    """That the user has been found to read its e-mail."""

    userId: str
    confirmed: bool


UserSignedUp = EventType("user.signed_up", UserEventData, "A user has signed up.")
UserConfirmed = EventType("user.confirmed", UserEventData, "A user reads its e-mail.")
