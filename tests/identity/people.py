"""People as the tests make them: requests with everything in them, and how to send them."""

import itertools
from typing import Any
from uuid import uuid4

from tests.client import Partner

_count = itertools.count(1)

BLOCKS = {
    "ADDRESSES": "addresses",
    "PHONE_NUMBERS": "phone_numbers",
    "PROTECTED_PERSONAL_DATA": "protected_personal_data",
    "EMAIL_ADDRESSES": "email_addresses",
    "CITIZENSHIP": "citizenship",
    "IDENTIFICATION": "identification",
    "EMPLOYMENT": "employment",
}
ADDRESS = {
    "line1": "1 Main Street",
    "line2": None,
    "line3": None,
    "city": "Fargo",
    "state": "ND",
    "zip_code": "58104",
    "country": "USA",
}
PHONE = {"country_code": "1", "area_code": "701", "number": "5550100", "extension": None}
COMMON = {"created_at", "updated_at", "version"}


def ssn(number: int | None = None) -> str:
    """A social security number that nobody else has."""
    number = next(_count) if number is None else number
    return f"5{number // 1_000_000:02}{number // 10_000 % 99 + 1:02}{number % 9_999 + 1:04}"


def protected(number: str | None = None) -> dict[str, Any]:
    """The block of protected data."""
    return {
        "social_security_number": ssn() if number is None else number,
        "date_of_birth": "1980-02-29T00:00:00Z",
        "date_of_death": None,
    }


def new_consumer(business_id: str, **fields: object) -> dict[str, Any]:
    """A request for a consumer with every block."""
    return {
        "business_id": business_id,
        "first_name": "Ada",
        "middle_name": "M",
        "last_name": "Lovelace",
        "gender": "FEMALE",
        "marital_status": "MARRIED",
        "addresses": {"home_address": ADDRESS, "mailing_address": None},
        "email_addresses": {"primary": {"address": "ada@example.com"}, "alternate": None},
        "phone_numbers": {"home_phone": PHONE, "mobile_phone": None, "work_phone": None},
        "protected_personal_data": protected(),
        "citizenship": {
            "citizenship": "US_CITIZEN",
            "country": "USA",
            "employment_status": "EMPLOYED",
            "employer": "Acme",
            "job_title": "Analyst",
        },
        "identification": {
            "identification_type": "PASSPORT",
            "identification_number": f"AB{next(_count):07}",
            "issuing_state": "ND",
            "issuer": "Department of State",
            "issue_date": "2020-01-01T00:00:00Z",
            "expiration_date": "2030-01-01T00:00:00Z",
        },
        "employment": {
            "status": "ACTIVE",
            "status_effective_date": "2020-01-01T00:00:00Z",
            "date_of_hire": "2020-01-01T00:00:00Z",
            "employee_number": "E-1",
            "employer_employee_number": "EE-1",
            "division": "North",
            "hours_worked_per_week": 37.5,
            "reporting_hierarchy": [{"name": "Region", "level": 1}],
        },
    } | fields


def new_dependent(consumer_id: str, **fields: object) -> dict[str, Any]:
    """A request for a dependent."""
    return {
        "consumer_id": consumer_id,
        "first_name": "Byron",
        "last_name": "Lovelace",
        "full_time_student": True,
        "gender": "MALE",
        "relationship": "CHILD",
        "status": "ACTIVE",
        "protected_personal_data": protected(),
    } | fields


def new_signer(consumer_id: str, **fields: object) -> dict[str, Any]:
    """A request for an authorized signer."""
    return {
        "consumer_id": consumer_id,
        "first_name": "Mary",
        "last_name": "Somerville",
        "hipaa_authorized": True,
        "account_access": "PHI",
        "status": "ACTIVE",
        "type": "GUARDIAN",
        "address": ADDRESS,
        "phone": PHONE,
        "protected_personal_data": protected(),
    } | fields


def new_contact(business_id: str, **fields: object) -> dict[str, Any]:
    """A request for a business contact."""
    return {
        "business_id": business_id,
        "first_name": "Charles",
        "last_name": "Babbage",
        "title": "Head of Benefits",
        "email": "charles@example.com",
        "phone": PHONE,
        "address": ADDRESS,
    } | fields


async def consumer(partner: Partner, business_id: str | None = None, **fields: object) -> str:
    """A new consumer, of a new business unless one is given."""
    body = new_consumer(business_id or await partner.entity(), **fields)
    id: str = (await partner.ask("identity.create_consumer", body)).done["consumer_id"]
    return id


async def dependent(partner: Partner, consumer_id: str, **fields: object) -> str:
    """A new dependent."""
    body = new_dependent(consumer_id, **fields)
    id: str = (await partner.ask("identity.create_dependent", body)).done["dependent_id"]
    return id


async def signer(partner: Partner, consumer_id: str, **fields: object) -> str:
    """A new authorized signer."""
    body = new_signer(consumer_id, **fields)
    reply = await partner.ask("identity.create_authorized_signer", body)
    id: str = reply.done["authorized_signer_id"]
    return id


async def contact(partner: Partner, business_id: str, **fields: object) -> str:
    """A new business contact."""
    body = new_contact(business_id, **fields)
    reply = await partner.ask("identity.create_business_contact", body)
    id: str = reply.done["business_contact_id"]
    return id


async def business(partner: Partner, domain: str | None = None, **fields: object) -> str:
    """A business straight in the database, under an administrator where one is given."""
    id = str(uuid4())
    document = {
        "_id": id,
        "partner": partner.name,
        "entity_type": "business",
        "business_type": "EMPLOYER",
        "parent_id": domain,
        "version": 1,
        "outbox": [],
    } | fields
    if domain is not None:
        document["domain"] = domain
    await partner.deployment.database["entities"].insert_one(document)
    return id
