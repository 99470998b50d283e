"""svc.identity: people as replies and events show them. Source: seed 000 (WEX).

A block that was not asked for is left out of a reply; one that has no value is null.
"""

from datetime import datetime
from typing import NotRequired

from typing_extensions import TypedDict

from schemas.base import Page
from schemas.event import EventData, EventType


class PostalAddressView(TypedDict):
    """A postal address as it is shown."""

    line1: str
    line2: str | None
    line3: str | None
    city: str
    state: str
    zip_code: str
    country: str | None


class AddressesView(TypedDict):
    """The block `ADDRESSES`."""

    home_address: PostalAddressView | None
    mailing_address: PostalAddressView | None


class EmailAddressView(TypedDict):
    """One e-mail address as it is shown."""

    address: str


class EmailAddressesView(TypedDict):
    """The block `EMAIL_ADDRESSES`."""

    primary: EmailAddressView | None
    alternate: EmailAddressView | None


class PhoneView(TypedDict):
    """A telephone number as it is shown."""

    country_code: str | None
    area_code: str
    number: str
    extension: str | None


class PhoneNumbersView(TypedDict):
    """The block `PHONE_NUMBERS`."""

    home_phone: PhoneView | None
    mobile_phone: PhoneView | None
    work_phone: PhoneView | None


class ProtectedPersonalDataView(TypedDict):
    """The block `PROTECTED_PERSONAL_DATA`; how much of the number is shown, `ssn_mode` says."""

    social_security_number: str
    date_of_birth: datetime
    date_of_death: datetime | None


class CitizenshipView(TypedDict):
    """The block `CITIZENSHIP`."""

    citizenship: str | None
    country: str | None
    employment_status: str | None
    employer: str | None
    job_title: str | None


class IdentificationView(TypedDict):
    """The block `IDENTIFICATION`; how much of the number is shown, `ssn_mode` says."""

    identification_type: str | None
    identification_number: str | None
    issuing_state: str | None
    issuer: str | None
    issue_date: datetime | None
    expiration_date: datetime | None


class ReportingLevelView(TypedDict):
    """One level of a reporting hierarchy."""

    name: str
    level: int


class EmploymentView(TypedDict):
    """The block `EMPLOYMENT`."""

    status: str | None
    status_effective_date: datetime | None
    date_of_hire: datetime | None
    employee_number: str | None
    employer_employee_number: str | None
    division: str | None
    hours_worked_per_week: int | float | None
    reporting_hierarchy: list[ReportingLevelView] | None


class Person(TypedDict):
    """Any person: name, role, and where it belongs; a user's business is its business entity."""

    person_id: str
    type: str
    first_name: str | None
    middle_name: str | None
    last_name: str | None
    business_id: str | None
    consumer_id: str | None


class Persons(TypedDict):
    """People."""

    items: list[Person]


class Consumer(TypedDict):
    """A consumer; a block only where it is asked for."""

    consumer_id: str
    first_name: str
    middle_name: str | None
    last_name: str
    gender: str
    marital_status: str
    business_id: str
    created_at: datetime
    updated_at: datetime
    version: int
    addresses: NotRequired[AddressesView | None]
    email_addresses: NotRequired[EmailAddressesView | None]
    phone_numbers: NotRequired[PhoneNumbersView | None]
    protected_personal_data: NotRequired[ProtectedPersonalDataView | None]
    citizenship: NotRequired[CitizenshipView | None]
    identification: NotRequired[IdentificationView | None]
    employment: NotRequired[EmploymentView | None]


class ConsumerList(Page):
    """A page of consumers."""

    items: list[Consumer]


class Dependent(TypedDict):
    """A dependent; its protected data only where they are asked for."""

    dependent_id: str
    consumer_id: str
    first_name: str
    middle_name: str | None
    last_name: str
    full_time_student: bool
    gender: str
    relationship: str
    status: str
    created_at: datetime
    updated_at: datetime
    version: int
    protected_personal_data: NotRequired[ProtectedPersonalDataView | None]


class Dependents(TypedDict):
    """All dependents of a consumer."""

    items: list[Dependent]


class AuthorizedSigner(TypedDict):
    """Who may act for a consumer; address, phone and protected data only where asked for."""

    authorized_signer_id: str
    consumer_id: str
    first_name: str
    middle_name: str | None
    last_name: str
    hipaa_authorized: bool
    account_access: str
    status: str
    type: str
    created_at: datetime
    updated_at: datetime
    version: int
    address: NotRequired[PostalAddressView | None]
    phone: NotRequired[PhoneView | None]
    protected_personal_data: NotRequired[ProtectedPersonalDataView | None]


class AuthorizedSigners(TypedDict):
    """All authorized signers of a consumer."""

    items: list[AuthorizedSigner]


class BusinessContact(TypedDict):
    """Whom to turn to in a business."""

    business_contact_id: str
    business_id: str
    first_name: str
    middle_name: str | None
    last_name: str
    title: str | None
    email: str | None
    phone: PhoneView | None
    address: PostalAddressView | None
    created_at: datetime
    updated_at: datetime
    version: int


class BusinessContactList(Page):
    """A page of business contacts."""

    items: list[BusinessContact]


class Household(TypedDict):
    """A consumer with all who are anchored to it."""

    consumer: Consumer
    dependents: list[Dependent]
    authorized_signers: list[AuthorizedSigner]


class ConsumerEventData(EventData):
    """A consumer after the change, with all its blocks, numbers masked."""

    consumer_id: str
    business_id: str
    consumer: Consumer


class DependentEventData(EventData):
    """A dependent after the change, numbers masked."""

    dependent_id: str
    consumer_id: str
    dependent: Dependent


class AuthorizedSignerEventData(EventData):
    """An authorized signer after the change, numbers masked."""

    authorized_signer_id: str
    consumer_id: str
    authorized_signer: AuthorizedSigner


class BusinessContactEventData(EventData):
    """A business contact after the change."""

    business_contact_id: str
    business_id: str
    business_contact: BusinessContact


ConsumerCreated = EventType("identity.consumer_created", ConsumerEventData, "A consumer was made.")
ConsumerUpdated = EventType(
    "identity.consumer_updated", ConsumerEventData, "Fields of a consumer changed."
)
DependentCreated = EventType(
    "identity.dependent_created", DependentEventData, "A dependent was made."
)
DependentUpdated = EventType(
    "identity.dependent_updated", DependentEventData, "Fields of a dependent changed."
)
AuthorizedSignerCreated = EventType(
    "identity.authorized_signer_created", AuthorizedSignerEventData, "A signer was made."
)
AuthorizedSignerUpdated = EventType(
    "identity.authorized_signer_updated", AuthorizedSignerEventData, "Fields of a signer changed."
)
BusinessContactCreated = EventType(
    "identity.business_contact_created", BusinessContactEventData, "A business contact was made."
)
BusinessContactUpdated = EventType(
    "identity.business_contact_updated",
    BusinessContactEventData,
    "Fields of a business contact changed.",
)
