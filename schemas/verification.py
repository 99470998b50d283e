"""svc.verification: proof of who people are, and of their bank accounts.

Source: seed 000 ("verify identity and banking details"); the states are those of seed 002's source.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired, Self

from pydantic import (
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from typing_extensions import TypedDict

from schemas.base import Line, Page, PageRequest, Request, Uuid
from schemas.event import EventData, EventType
from schemas.user import wrong

VerificationKind = Literal["IDENTITY", "BANK_ACCOUNT"]
VerificationState = Literal["PENDING", "APPROVED", "REJECTED"]
AccountNumber = Annotated[str, StringConstraints(min_length=4, max_length=64)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class BankAccountEvidence(Request):
    """What proves a bank account."""

    account_holder: Line
    account_number: AccountNumber
    routing_number: Line
    account_type: Line


class IdentityEvidence(Request):
    """What proves an identity; any of it, or nothing."""

    document_type: Line | None = None
    document_number: AccountNumber | None = None
    issuer: Line | None = None
    note: Reason | None = None


_EVIDENCE: dict[str, type[BankAccountEvidence | IdentityEvidence]] = {
    "IDENTITY": IdentityEvidence,
    "BANK_ACCOUNT": BankAccountEvidence,
}


class SubmitVerification(Request):
    """Whose identity or bank account is to be proved, and by what."""

    person_id: Uuid
    kind: VerificationKind
    evidence: BankAccountEvidence | IdentityEvidence = Field(
        description="A bank account's for `BANK_ACCOUNT`, an identity's for `IDENTITY`.",
        examples=[{"document_type": "passport", "document_number": "A12345678"}],
    )

    @field_validator("evidence", mode="wrap")
    @classmethod
    def _of_its_kind(
        cls, value: Any, _either: Any, info: ValidationInfo
    ) -> BankAccountEvidence | IdentityEvidence:
        model = _EVIDENCE.get(info.data.get("kind", ""))
        # Without a kind there is nothing to judge it by, and the kind is refused already.
        return model.model_validate(value) if model is not None else IdentityEvidence()


class DecideVerification(Request):
    """What was decided, and why; a rejection says why."""

    verification_id: Uuid
    decision: Literal["APPROVED", "REJECTED"]
    reason: Reason | None = Field(default=None, description="Required to reject.")

    @model_validator(mode="after")
    def _reason_to_reject(self) -> Self:
        if self.decision == "REJECTED" and self.reason is None:
            problem = wrong("reason", "missing", "required to reject")
            raise ValidationError.from_exception_data("decision", [problem])
        return self


class VerificationId(Request):
    """A verification, by its id."""

    verification_id: Uuid


class ListVerifications(PageRequest):
    """Which verifications; the filters combine."""

    person_id: Uuid | None = None
    kind: VerificationKind | None = None
    state: VerificationState | None = None


class EvidenceView(TypedDict):
    """Evidence of either kind; an account number is its last four, a document's is masked."""

    account_holder: NotRequired[str]
    account_number: NotRequired[str]
    routing_number: NotRequired[str]
    account_type: NotRequired[str]
    document_type: NotRequired[str | None]
    document_number: NotRequired[str | None]
    issuer: NotRequired[str | None]
    note: NotRequired[str | None]


class Verification(TypedDict):
    """A verification as it stands."""

    verification_id: str
    person_id: str
    kind: str
    state: str
    evidence: EvidenceView
    reason: str | None
    submitted_by: str
    decided_by: str | None
    submitted_at: datetime
    decided_at: datetime | None
    version: int


class VerificationList(Page):
    """A page of verifications."""

    items: list[Verification]


class VerificationEventData(EventData):
    """A verification after the change."""

    verification_id: str
    person_id: str
    verification: Verification


VerificationSubmitted = EventType(
    "verification.submitted", VerificationEventData, "A verification was asked for."
)
VerificationApproved = EventType(
    "verification.approved", VerificationEventData, "A verification was approved."
)
VerificationRejected = EventType(
    "verification.rejected", VerificationEventData, "A verification was rejected."
)
