"""svc.user: users of an entity. Sources: seed 002 (Vertex Engine), seeds 001 and 004 (Wise)."""

import re
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    Field,
    HttpUrl,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import TypedDict

from schemas.base import (
    Country2,
    Country3,
    Line,
    Moment,
    Page,
    PageRequest,
    Request,
    Text,
    Uuid,
    left_out,
)
from schemas.email import Email
from schemas.event import EventData, EventType

_NOT_IN_URL = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
STATE_REQUIRED = frozenset({"US", "CA", "AU", "BR"})
OCCUPATION_REQUIRED = frozenset({"US", "CA", "JP"})
_ID_TYPES = {"national": "National", "national id": "National", "passport": "passport"}
_URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)


def _id_type(value: str) -> str:
    known = _ID_TYPES.get(value.lower())
    if known is None:
        raise PydanticCustomError("not_allowed", "National or passport")
    return known


def _past(moment: datetime) -> datetime:
    if moment > datetime.now(UTC):
        raise PydanticCustomError("not_allowed", "must not be in the future")
    return moment


def _url(value: str) -> str:
    if _NOT_IN_URL.search(value):  # which the parser below passes over, as browsers do
        raise PydanticCustomError("url", "whitespace and control characters stand in no URL")
    _URL.validate_python(value)
    return value


IdType = Annotated[
    str,
    AfterValidator(_id_type),
    WithJsonSchema({"type": "string", "enum": ["National", "passport"]}),
]
PastMoment = Annotated[Moment, AfterValidator(_past)]
Url = Annotated[
    str,
    StringConstraints(max_length=2048),
    AfterValidator(_url),
    WithJsonSchema({"type": "string", "format": "uri"}),
]


def wrong(path: str, kind: str, message: str) -> InitErrorDetails:
    """One broken rule between fields, for `ValidationError.from_exception_data`."""
    return InitErrorDetails(type=PydanticCustomError(kind, message), loc=(path,), input=None)


def check_identity_document(
    id_type: str | None, issued: datetime | None, expires: datetime | None
) -> None:
    """Check the rules between the fields of an identity document.

    Raises: pydantic.ValidationError, on `id_issue_expiry_date`.
    """
    field = "id_issue_expiry_date"
    if id_type == "passport" and expires is None:
        problem = wrong(field, "missing", "required for a passport")
    elif issued is not None and expires is not None and expires <= issued:
        problem = wrong(field, "not_allowed", "must be later than id_issue_date")
    else:
        return
    raise ValidationError.from_exception_data("identity document", [problem])


class Address(Request):
    """A postal address, in the names of seeds 001 and 004."""

    countryCode: Country2
    firstLine: Line
    postCode: Line
    city: Line
    state: Line | None = Field(default=None, description="Required for US, CA, AU and BR.")
    occupation: Line | None = Field(default=None, description="Required for US, CA and JP.")

    @model_validator(mode="after")
    def _national_rules(self) -> Self:
        problems = []
        if self.countryCode in STATE_REQUIRED and self.state is None:
            problems.append(wrong("state", "missing", "required in this country"))
        if self.countryCode in OCCUPATION_REQUIRED and self.occupation is None:
            problems.append(wrong("occupation", "missing", "required in this country"))
        if problems:
            raise ValidationError.from_exception_data("address", problems)
        return self


class NewUser(Request):
    """What is told of a user when it is made, whatever it is made in."""

    first_name: Text
    last_name: Text
    email: Email
    phone_number: Text
    gender: Line
    date_of_birth: PastMoment
    country: Country3
    city: Text
    residency: Text
    id_number: Text
    id_type: IdType
    id_issue_date: PastMoment
    id_issue_expiry_date: Moment | None = Field(
        default=None, description="Required for a passport; later than id_issue_date."
    )
    title: Text
    verified: bool
    permit_number: Text
    occupation: Line | None = None
    avatar: Url | None = None
    address: Address | None = None

    @model_validator(mode="after")
    def _document_rules(self) -> Self:
        check_identity_document(self.id_type, self.id_issue_date, self.id_issue_expiry_date)
        return self


class CreateUser(NewUser):
    """A user of a business entity."""

    entity_id: Uuid


class UpdateUser(Request):
    """The user, and what is to change; what is left out stays."""

    user_id: Uuid
    first_name: Text = left_out()
    last_name: Text = left_out()
    email: Email = left_out()
    phone_number: Text = left_out()
    gender: Line = left_out()
    date_of_birth: PastMoment = left_out()
    birth_country: Country3 = left_out()
    birth_city: Text = left_out()
    residency: Text = left_out()
    id_number: Text = left_out()
    id_type: IdType = left_out()
    id_issue_date: PastMoment = left_out()
    id_issue_expiry_date: Moment = left_out()
    title: Text = left_out()
    permit_number: Text = left_out()
    occupation: Line = left_out()
    avatar: Url = left_out()
    address: Address = left_out()


class ListUsers(PageRequest):
    """Which users; the filters combine."""

    entity_id: Uuid | None = None
    email: Email | None = None
    phone_number: Text | None = None
    active: bool | None = None


class UserId(Request):
    """A user, by its id."""

    user_id: Uuid


class UserEmail(Request):
    """An e-mail address, to ask whether an active user has it."""

    email: Email


class SetContactEmail(Request):
    """The address to write to, for a user registered with one that nobody reads."""

    user_id: Uuid
    email: Email


class SwitchUser(Request):
    """A user to deactivate or activate, and why."""

    user_id: Uuid
    reason: Line | None = Field(default=None, description="Kept with the event.")


class UserReference(TypedDict):
    """The id of the user."""

    userId: str


class UserActive(TypedDict):
    """The id of the user, and whether it is active now."""

    userId: str
    active: bool


class UserExists(TypedDict):
    """Whether an active user has the e-mail."""

    exists: bool


class ContactEmail(TypedDict):
    """A contact e-mail."""

    email: str


class UserRecord(TypedDict):
    """A user as lists and events show it. `id_number` is masked but for `read:sensitive`."""

    id: str
    first_name: str | None
    last_name: str | None
    email: str
    phone_number: str | None
    entity_id: str | None
    created_at: datetime
    updated_at: datetime
    verified: bool
    gender: str | None
    date_of_birth: datetime | None
    country: str | None
    city: str | None
    residency: str | None
    id_number: str | None
    id_type: str | None
    id_issue_date: datetime | None
    id_issue_expiry: datetime | None
    title: str | None
    date_registered: datetime
    permit_number: str | None
    birth_country: str | None
    birth_city: str | None
    active: bool
    confirmed: bool
    language: str | None
    version: int


class UserList(Page):
    """A page of users."""

    users: list[UserRecord]


class AddressView(TypedDict):
    """An address in a user object; `""` where a field is unset."""

    city: str
    countryCode: str
    postCode: str
    state: str
    firstLine: str
    occupation: str


class UserDetails(TypedDict):
    """What is known of the person behind a user."""

    firstName: str | None
    lastName: str | None
    phoneNumber: str | None
    dateOfBirth: str | None
    occupation: str
    avatar: str | None
    primaryAddress: str | None
    address: AddressView | None


class UserObject(TypedDict):
    """A user as Wise's clients know it; `name` and `details` are null until something is known."""

    id: str
    name: str | None
    email: str
    active: bool
    details: UserDetails | None


class UserEventData(EventData):
    """A user after the change."""

    user_id: str
    entity_id: str | None
    user: UserRecord


class UserSwitchedData(UserEventData):
    """A user after it was deactivated or activated."""

    reason: str | None


class ContactEmailData(UserEventData):
    """A user after its contact e-mail was set."""

    contact_email: str


UserCreated = EventType("user.created", UserEventData, "A user was made.")
UserUpdated = EventType("user.updated", UserEventData, "Fields of a user changed.")
UserDeactivated = EventType("user.deactivated", UserSwitchedData, "A user may no longer act.")
UserActivated = EventType("user.activated", UserSwitchedData, "A user may act again.")
ContactEmailSet = EventType(
    "user.contact_email_set", ContactEmailData, "A user has another contact e-mail."
)
