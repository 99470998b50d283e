"""svc.identity: what is asked of people, and of who belongs to whom.

Source: seed 000 (WEX: Identity & Person Management), with the field lists of that API's published
specification.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, FailFast, Field, StringConstraints

from schemas.base import Line, PageRequest, Request, Uuid, left_out
from schemas.email import Email
from schemas.personal_data import (
    Addresses,
    ChangeIdentification,
    ChangeProtectedPersonalData,
    Citizenship,
    EmailAddresses,
    Employment,
    Identification,
    Phone,
    PhoneNumbers,
    PostalAddress,
    ProtectedPersonalData,
    SocialSecurityNumber,
)

Gender = Literal["UNKNOWN", "MALE", "FEMALE", "NEUTRAL"]
MaritalStatus = Literal["UNKNOWN", "SINGLE", "MARRIED"]
Relationship = Literal["SPOUSE", "CHILD", "DOMESTIC_PARTNER", "OTHER"]
Status = Literal["ACTIVE", "INACTIVE", "PENDING", "ARCHIVED"]
AccountAccess = Literal["NONE", "PHI", "PHI_AND_ACCOUNT_UPDATES", "UNSPECIFIED"]
SignerType = Literal[
    "AUTHORIZED_SIGNER",
    "POWER_OF_ATTORNEY",
    "AUTHORIZED_REPRESENTATIVE",
    "GUARDIAN",
    "PARENT",
    "CONSERVATOR",
]
PersonName = Annotated[str, StringConstraints(min_length=1, max_length=256)]
SsnMode = Literal["MASKED", "LAST4", "UNMASKED"]

ConsumerBlock = Literal[
    "ADDRESSES",
    "PHONE_NUMBERS",
    "PROTECTED_PERSONAL_DATA",
    "EMAIL_ADDRESSES",
    "CITIZENSHIP",
    "IDENTIFICATION",
    "EMPLOYMENT",
]
DependentBlock = Literal["PROTECTED_PERSONAL_DATA"]
SignerBlock = Literal["PROTECTED_PERSONAL_DATA", "ADDRESSES", "PHONE_NUMBERS"]


def _names(value: Any) -> Any:
    if value is None:
        return []
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return value


_EXPANDED = Field(description="A list, or a text with commas between the names.")

ExpandConsumer = Annotated[
    list[ConsumerBlock],
    FailFast(),
    BeforeValidator(_names, json_schema_input_type=list[ConsumerBlock] | str),
    _EXPANDED,
]
ExpandDependents = Annotated[
    list[DependentBlock],
    FailFast(),
    BeforeValidator(_names, json_schema_input_type=list[DependentBlock] | str),
    _EXPANDED,
]
ExpandSigners = Annotated[
    list[SignerBlock],
    FailFast(),
    BeforeValidator(_names, json_schema_input_type=list[SignerBlock] | str),
    _EXPANDED,
]


class PersonId(Request):
    """Any person, by its id alone."""

    person_id: Uuid


class FindBySsn(Request):
    """A social security number to find people by."""

    ssn: SocialSecurityNumber


class CreateConsumer(Request):
    """A consumer of a business, with as many blocks as are known."""

    business_id: Uuid
    first_name: PersonName
    middle_name: PersonName | None = None
    last_name: PersonName
    gender: Gender = "UNKNOWN"
    marital_status: MaritalStatus = "UNKNOWN"
    addresses: Addresses | None = None
    email_addresses: EmailAddresses | None = None
    phone_numbers: PhoneNumbers | None = None
    protected_personal_data: ProtectedPersonalData | None = None
    citizenship: Citizenship | None = None
    identification: Identification | None = None
    employment: Employment | None = None


class UpdateConsumer(Request):
    """What is to change. Within a block, too, what is left out stays, and null is no value."""

    consumer_id: Uuid
    business_id: Uuid = left_out()
    first_name: PersonName = left_out()
    middle_name: PersonName = left_out()
    last_name: PersonName = left_out()
    gender: Gender = left_out()
    marital_status: MaritalStatus = left_out()
    addresses: Addresses = left_out()
    email_addresses: EmailAddresses = left_out()
    phone_numbers: PhoneNumbers = left_out()
    protected_personal_data: ChangeProtectedPersonalData = left_out()
    citizenship: Citizenship = left_out()
    identification: ChangeIdentification = left_out()
    employment: Employment = left_out()


class ConsumerExpanded(Request):
    """A consumer, the blocks to read with it, and how much of its numbers to show."""

    consumer_id: Uuid
    expand: ExpandConsumer = Field(default_factory=list)
    ssn_mode: SsnMode = "MASKED"


class ListConsumers(PageRequest):
    """Which consumers; the filters combine."""

    business_id: Uuid | None = Field(
        default=None, description="Of this business and of all below it."
    )
    last_name: PersonName | None = Field(default=None, description="Whatever the case.")


class CreateDependent(Request):
    """A dependent of a consumer."""

    consumer_id: Uuid
    first_name: PersonName
    middle_name: PersonName | None = None
    last_name: PersonName
    full_time_student: bool = False
    gender: Gender = "UNKNOWN"
    relationship: Relationship
    status: Status = "ACTIVE"
    protected_personal_data: ProtectedPersonalData | None = None


class UpdateDependent(Request):
    """What is to change; what is left out stays."""

    dependent_id: Uuid
    first_name: PersonName = left_out()
    middle_name: PersonName = left_out()
    last_name: PersonName = left_out()
    full_time_student: bool = left_out()
    gender: Gender = left_out()
    relationship: Relationship = left_out()
    status: Status = left_out()
    protected_personal_data: ChangeProtectedPersonalData = left_out()


class DependentsExpanded(Request):
    """The dependents of a consumer, and how much of them to read."""

    consumer_id: Uuid
    expand: ExpandDependents = Field(default_factory=list)
    ssn_mode: SsnMode = "MASKED"


class CreateAuthorizedSigner(Request):
    """Who may act for a consumer."""

    consumer_id: Uuid
    first_name: PersonName
    middle_name: PersonName | None = None
    last_name: PersonName
    hipaa_authorized: bool = False
    account_access: AccountAccess = "UNSPECIFIED"
    status: Status = "ACTIVE"
    type: SignerType = "AUTHORIZED_SIGNER"
    address: PostalAddress | None = None
    phone: Phone | None = None
    protected_personal_data: ProtectedPersonalData | None = None


class UpdateAuthorizedSigner(Request):
    """What is to change; what is left out stays. An address or a phone is changed as a whole."""

    authorized_signer_id: Uuid
    first_name: PersonName = left_out()
    middle_name: PersonName = left_out()
    last_name: PersonName = left_out()
    hipaa_authorized: bool = left_out()
    account_access: AccountAccess = left_out()
    status: Status = left_out()
    type: SignerType = left_out()
    address: PostalAddress = left_out()
    phone: Phone = left_out()
    protected_personal_data: ChangeProtectedPersonalData = left_out()


class SignersExpanded(Request):
    """The authorized signers of a consumer, and how much of them to read."""

    consumer_id: Uuid
    expand: ExpandSigners = Field(default_factory=list)
    ssn_mode: SsnMode = "MASKED"


class CreateBusinessContact(Request):
    """Whom to turn to in a business."""

    business_id: Uuid
    first_name: PersonName
    middle_name: PersonName | None = None
    last_name: PersonName
    title: Line | None = None
    email: Email | None = None
    phone: Phone | None = None
    address: PostalAddress | None = None


class UpdateBusinessContact(Request):
    """What is to change; what is left out stays. An address or a phone is changed as a whole."""

    business_contact_id: Uuid
    first_name: PersonName = left_out()
    middle_name: PersonName = left_out()
    last_name: PersonName = left_out()
    title: Line = left_out()
    email: Email = left_out()
    phone: Phone = left_out()
    address: PostalAddress = left_out()


class ListBusinessContacts(PageRequest):
    """The contacts of one business."""

    business_id: Uuid
