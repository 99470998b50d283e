"""The blocks of personal data that people have, read or left unread each on its own.

Source: seed 000 (WEX), with the field lists of that API's published specification.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from schemas.base import Country3, Line, Moment, Request
from schemas.email import Email
from schemas.user import PastMoment

_SSN = re.compile(r"(\d{3})-?(\d{2})-?(\d{4})", re.ASCII)
_NEVER_ISSUED = re.compile(r"000|666|9\d\d")

BrokenRule = tuple[str, str, str]
"""The field, the kind of error, and what is wrong."""


def _ssn(value: str) -> str:
    found = _SSN.fullmatch(value)
    if found is None:
        raise PydanticCustomError("ssn", "nine digits, hyphens optional")
    area, group, serial = found.groups()
    if _NEVER_ISSUED.fullmatch(area) or group == "00" or serial == "0000":
        raise PydanticCustomError("not_allowed", "no social security number is like this")
    return area + group + serial


SocialSecurityNumber = Annotated[
    str,
    AfterValidator(_ssn),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d{3}-?\d{2}-?\d{4}$", "examples": ["555-44-1234"]}
    ),
]
"""Nine digits once validated; area, group and serial as never issued are refused."""

IdentificationNumber = Annotated[str, StringConstraints(min_length=2, max_length=64)]


HoursOfWeek = Annotated[
    int | float,
    Field(ge=0, le=168),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 168}),
]
"""Hours, whole or not, as they were sent. JSON Schema has no bounds for a union as a whole."""


class PostalAddress(Request):
    """A postal address, in the names of seed 000's source."""

    line1: Line
    line2: Line | None = None
    line3: Line | None = None
    city: Line
    state: Line
    zip_code: Line
    country: Country3 | None = None


class Addresses(Request):
    """Where a person lives, and where to write to."""

    home_address: PostalAddress | None = None
    mailing_address: PostalAddress | None = None


class EmailAddress(Request):
    """One e-mail address."""

    address: Email


class EmailAddresses(Request):
    """The e-mail addresses of a person."""

    primary: EmailAddress | None = None
    alternate: EmailAddress | None = None


class Phone(Request):
    """A telephone number in its parts."""

    country_code: Annotated[str, StringConstraints(min_length=1, max_length=5)] | None = None
    area_code: Annotated[str, StringConstraints(min_length=1, max_length=5)]
    number: Annotated[str, StringConstraints(min_length=1, max_length=15)]
    extension: Annotated[str, StringConstraints(min_length=1, max_length=10)] | None = None


class PhoneNumbers(Request):
    """The telephone numbers of a person."""

    home_phone: Phone | None = None
    mobile_phone: Phone | None = None
    work_phone: Phone | None = None


def check_block(name: str, block: Mapping[str, Any], *within: str) -> None:
    """Check the rules between the fields of a block; `within` is where in the request it stands.

    Raises: pydantic.ValidationError.
    """
    broken = _RULES[name](block) if name in _RULES else []
    problems = [
        InitErrorDetails(type=PydanticCustomError(kind, message), loc=(*within, field), input=None)
        for field, kind, message in broken
    ]
    if problems:
        raise ValidationError.from_exception_data(name, problems)


def _protected_rules(block: Mapping[str, Any]) -> list[BrokenRule]:
    broken: list[BrokenRule] = [
        (field, "missing", "required")
        for field in ("social_security_number", "date_of_birth")
        if block[field] is None
    ]
    born, died = block["date_of_birth"], block["date_of_death"]
    if born is not None and died is not None and died < born:
        broken.append(("date_of_death", "not_allowed", "must not be before date_of_birth"))
    return broken


def _identification_rules(block: Mapping[str, Any]) -> list[BrokenRule]:
    issued, expires = block["issue_date"], block["expiration_date"]
    if issued is not None and expires is not None and expires <= issued:
        return [("expiration_date", "not_allowed", "must be later than issue_date")]
    return []


_RULES = {"protected_personal_data": _protected_rules, "identification": _identification_rules}


class ProtectedPersonalData(Request):
    """What identifies a person for good."""

    social_security_number: SocialSecurityNumber
    date_of_birth: PastMoment
    date_of_death: PastMoment | None = None

    @model_validator(mode="after")
    def _dates(self) -> Self:
        check_block("protected_personal_data", dict(self))
        return self


class ChangeProtectedPersonalData(Request):
    """The same, to change; what is left out stays, and the first two stay required."""

    social_security_number: SocialSecurityNumber | None = None
    date_of_birth: PastMoment | None = None
    date_of_death: PastMoment | None = None


class Citizenship(Request):
    """Whose citizen a person is, and how it earns its living."""

    citizenship: Literal["UNKNOWN", "US_CITIZEN", "RESIDENT_ALIEN", "NON_RESIDENT_ALIEN"] | None = (
        None
    )
    country: Country3 | None = None
    employment_status: (
        Literal["EMPLOYED", "NOT_EMPLOYED", "SELF_EMPLOYED", "RETIRED", "UNKNOWN"] | None
    ) = None
    employer: Line | None = None
    job_title: Line | None = None


class ChangeIdentification(Request):
    """An identity document to change; what is left out stays, what is null has no value."""

    identification_type: (
        Literal[
            "DRIVER_LICENSE",
            "STATE_ISSUED_CARD",
            "PASSPORT",
            "PASSCARD",
            "MILITARY_CARD",
            "COUNTRY_ISSUED",
            "RESIDENT_ALIEN",
            "UNSPECIFIED",
        ]
        | None
    ) = None
    identification_number: IdentificationNumber | None = None
    issuing_state: Line | None = None
    issuer: Line | None = None
    issue_date: PastMoment | None = None
    expiration_date: Moment | None = None


class Identification(ChangeIdentification):
    """An identity document."""

    @model_validator(mode="after")
    def _dates(self) -> Self:
        check_block("identification", dict(self))
        return self


class ReportingLevel(Request):
    """One level of the hierarchy that an employee reports in."""

    name: Line
    level: int = Field(ge=0, le=1_000)


class Employment(Request):
    """A person's employment with its business."""

    status: (
        Literal["ACTIVE", "COBRA", "LOA", "LAID_OFF", "RETIRED", "TERMINATED", "CLOSED", "UNKNOWN"]
        | None
    ) = None
    status_effective_date: Moment | None = None
    date_of_hire: Moment | None = None
    employee_number: Line | None = None
    employer_employee_number: Line | None = None
    division: Line | None = None
    hours_worked_per_week: HoursOfWeek | None = None
    reporting_hierarchy: list[ReportingLevel] | None = Field(default=None, max_length=50)
