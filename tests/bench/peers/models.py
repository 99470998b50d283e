"""What the peers accept: the fields of a user with the rules that svc-user has for them."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import pycountry
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    HttpUrl,
    PositiveInt,
    StringConstraints,
    model_validator,
)

COUNTRIES = frozenset(country.alpha_3 for country in pycountry.countries)


def _existing_country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("no such country")
    return code


def _not_in_future(moment: datetime) -> datetime:
    if moment > datetime.now(UTC):
        raise ValueError("lies in the future")
    return moment


def _known_id_type(value: Any) -> Any:
    known = {"national": "National", "national id": "National", "passport": "passport"}
    return known.get(value.lower(), value) if isinstance(value, str) else value


Text = Annotated[str, StringConstraints(min_length=2, max_length=256)]
Gender = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Country = Annotated[str, AfterValidator(_existing_country)]
PastDate = Annotated[AwareDatetime, AfterValidator(_not_in_future)]
IdType = Annotated[Literal["National", "passport"], BeforeValidator(_known_id_type)]


class Request(BaseModel):
    """A request body: nothing unknown in it, its strings stripped."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Address(Request):
    """Where a user lives."""

    countryCode: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
    firstLine: Text
    postCode: Text
    city: Text
    state: Text | None = None
    occupation: Text | None = None


class CreateUser(Request):
    """A new user of an entity."""

    entity_id: UUID
    first_name: Text
    last_name: Text
    email: EmailStr
    phone_number: Text
    gender: Gender
    date_of_birth: PastDate
    country: Country
    city: Text
    residency: Text
    id_number: Text
    id_type: IdType
    id_issue_date: PastDate
    id_issue_expiry_date: AwareDatetime | None = None
    title: Text
    verified: bool
    permit_number: Text
    occupation: Text | None = None
    avatar: HttpUrl | None = None
    address: Address | None = None

    @model_validator(mode="after")
    def _expiry(self) -> Self:
        if self.id_type == "passport" and self.id_issue_expiry_date is None:
            raise ValueError("a passport has an expiry date")
        if self.id_issue_expiry_date and self.id_issue_expiry_date <= self.id_issue_date:
            raise ValueError("it expires before it was issued")
        return self


class UpdateUser(Request):
    """The fields of a user to change."""

    user_id: UUID
    first_name: Text | None = None
    last_name: Text | None = None
    email: EmailStr | None = None
    phone_number: Text | None = None
    gender: Gender | None = None
    date_of_birth: PastDate | None = None
    birth_country: Country | None = None
    birth_city: Text | None = None
    residency: Text | None = None
    id_number: Text | None = None
    id_type: IdType | None = None
    id_issue_date: PastDate | None = None
    id_issue_expiry_date: AwareDatetime | None = None
    title: Text | None = None
    permit_number: Text | None = None
    occupation: Text | None = None
    avatar: HttpUrl | None = None
    address: Address | None = None


class GetUser(Request):
    """The user to read."""

    user_id: UUID


class ListUsers(Request):
    """The page of users to read."""

    entity_id: UUID | None = None
    limit: PositiveInt = 100
