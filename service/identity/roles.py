"""What people can be, and what is kept of each: its fields, its blocks, and its numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.event import EventType
from schemas.person import (
    AuthorizedSignerCreated,
    AuthorizedSignerUpdated,
    BusinessContactCreated,
    BusinessContactUpdated,
    ConsumerCreated,
    ConsumerUpdated,
    DependentCreated,
    DependentUpdated,
)
from service.storage.sealing import VISIBLE, masked

_NAMES = ("first_name", "middle_name", "last_name")


@dataclass(frozen=True, slots=True)
class Role:
    """One of the things that a person can be, user apart."""

    name: str
    key: str
    """What it is called in events, and with `_id` behind it in requests and replies."""
    anchor: str
    """The field with the id of what it is anchored to."""
    plain: tuple[str, ...]
    """The fields that are always shown, as they came."""
    blocks: Mapping[str, str]
    """The fields that are shown when asked for, by the name in `expand`."""
    created: EventType
    updated: EventType

    @property
    def id_field(self) -> str:
        """The name of its id in requests and replies."""
        return f"{self.key}_id"


CONSUMER = Role(
    name="CONSUMER",
    key="consumer",
    anchor="business_id",
    plain=(*_NAMES, "gender", "marital_status"),
    blocks={
        "ADDRESSES": "addresses",
        "PHONE_NUMBERS": "phone_numbers",
        "PROTECTED_PERSONAL_DATA": "protected_personal_data",
        "EMAIL_ADDRESSES": "email_addresses",
        "CITIZENSHIP": "citizenship",
        "IDENTIFICATION": "identification",
        "EMPLOYMENT": "employment",
    },
    created=ConsumerCreated,
    updated=ConsumerUpdated,
)
DEPENDENT = Role(
    name="DEPENDENT",
    key="dependent",
    anchor="consumer_id",
    plain=(*_NAMES, "full_time_student", "gender", "relationship", "status"),
    blocks={"PROTECTED_PERSONAL_DATA": "protected_personal_data"},
    created=DependentCreated,
    updated=DependentUpdated,
)
AUTHORIZED_SIGNER = Role(
    name="AUTHORIZED_SIGNER",
    key="authorized_signer",
    anchor="consumer_id",
    plain=(*_NAMES, "hipaa_authorized", "account_access", "status", "type"),
    blocks={
        "PROTECTED_PERSONAL_DATA": "protected_personal_data",
        "ADDRESSES": "address",
        "PHONE_NUMBERS": "phone",
    },
    created=AuthorizedSignerCreated,
    updated=AuthorizedSignerUpdated,
)
BUSINESS_CONTACT = Role(
    name="BUSINESS_CONTACT",
    key="business_contact",
    anchor="business_id",
    plain=(*_NAMES, "title", "email", "phone", "address"),
    blocks={},
    created=BusinessContactCreated,
    updated=BusinessContactUpdated,
)

ROLES: Mapping[str, Role] = {
    role.name: role for role in (CONSUMER, DEPENDENT, AUTHORIZED_SIGNER, BUSINESS_CONTACT)
}

MERGED = frozenset(CONSUMER.blocks.values())
"""The blocks in which a change leaves alone what it does not name; the others change as a whole."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is kept sealed, beside its block, in which it is masked."""

    block: str
    name: str
    """Its name in the block."""
    sealed: str
    """The field that it is sealed in."""
    masked: Callable[[str], str]
    hashed: str | None = None
    """The field with its keyed hash, where people are found by it."""


def masked_ssn(number: str) -> str:
    """`555441234` as `xxx-xx-1234` (seed 000, `MASKED`)."""
    return f"xxx-xx-{number[-VISIBLE:]}"


NUMBERS = (
    Number(
        "protected_personal_data",
        "social_security_number",
        sealed="social_security_number",
        masked=masked_ssn,
        hashed="social_security_number_hash",
    ),
    Number(
        "identification",
        "identification_number",
        sealed="identification_number",
        masked=masked,
    ),
)
