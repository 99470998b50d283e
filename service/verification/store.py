"""Verifications in MongoDB: the only code that knows their field names there.

Besides what is shown: the numbers of the evidence, sealed; and `of_user`, whether the person is a
user, whose `verified` an approval sets.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast, get_args

from schemas.verification import (
    DecideVerification,
    EvidenceView,
    ListVerifications,
    SubmitVerification,
    Verification,
    VerificationEventData,
    VerificationKind,
    VerificationState,
)
from service.auth.scopes import Scope
from service.call import Call
from service.storage.kind import Index, Kind
from service.storage.mongo import Document
from service.storage.sealing import VISIBLE, masked, place

ONE_PENDING = "one_pending"
"""The unique index that lets a person have one pending verification of each kind."""

_NUMBERS = ("account_number", "document_number")

VERIFICATIONS = Kind(
    "verifications",
    (
        Index(
            ONE_PENDING, ("partner", "person_id", "kind"), unique=True, where={"state": "PENDING"}
        ),
        Index("by_person", ("partner", "person_id", "_id")),
        Index(
            "by_domain",
            ("partner", "domain", "state", "kind", "_id"),
            where={"domain": {"$exists": True}},
        ),
        Index("by_state", ("partner", "state", "kind", "_id")),
    ),
    fixed=("kind", "of_user"),
    sealed=_NUMBERS,
)


def new_verification(
    call: Call, id: str, request: SubmitVerification, person: Document
) -> Document:
    """The document of a verification that is asked for."""
    evidence = request.evidence.model_dump()
    document = {
        "_id": id,
        "person_id": person["_id"],
        "of_user": person["role"] == "USER",
        "kind": request.kind,
        "state": "PENDING",
        "evidence": evidence,
        "reason": None,
        "submitted_by": call.caller.subject,
        "submitted_at": call.now,
        "decided_by": None,
        "decided_at": None,
    }
    if "domain" in person:
        document["domain"] = person["domain"]
    for name in _NUMBERS:
        number = evidence.get(name)
        if number is not None:
            where = place(VERIFICATIONS.collection, id, name)
            document[name] = call.storage.sealer.seal(number.encode(), where)
            evidence[name] = _shown(name, number)
    return document


def decided(call: Call, request: DecideVerification) -> dict[str, Any]:
    """The fields of a verification that is decided."""
    return {
        "state": request.decision,
        "reason": request.reason,
        "decided_by": call.caller.subject,
        "decided_at": call.now,
    }


def list_query(call: Call, request: ListVerifications) -> tuple[dict[str, Any], str]:
    """The query of a list request for this caller, and the index that serves it."""
    # Always there, so that an index with them before the id gives documents in their order.
    states, kinds = get_args(VerificationState), get_args(VerificationKind)
    query: dict[str, Any] = {
        "partner": call.partner,
        "state": {"$in": [request.state] if request.state else list(states)},
        "kind": {"$in": [request.kind] if request.kind else list(kinds)},
    }
    index = "by_state"
    if call.caller.domain is not None:
        query["domain"], index = call.caller.domain, "by_domain"
    if request.person_id is not None:
        query["person_id"], index = request.person_id, "by_person"
    return query, index


def view(document: Document) -> Verification:
    """A verification as replies and events show it: its numbers are kept as they are shown."""
    return Verification(
        verification_id=document["_id"],
        person_id=document["person_id"],
        kind=document["kind"],
        state=document["state"],
        evidence=cast(EvidenceView, document["evidence"]),
        reason=document["reason"],
        submitted_by=document["submitted_by"],
        decided_by=document["decided_by"],
        submitted_at=document["submitted_at"],
        decided_at=document["decided_at"],
        version=document["version"],
    )


def held(call: Call, document: Document) -> Verification:
    """A verification as its person gets it: numbers in the clear for whoever may see them so."""
    shown = view(document)
    if not call.caller.has(Scope.READ_SENSITIVE):
        return shown
    sealer = call.storage.sealer
    numbers = {
        name: sealer.open(document[name], place(VERIFICATIONS.collection, document["_id"], name))
        for name in _NUMBERS
        if document.get(name) is not None
    }
    clear = {name: number.decode() for name, number in numbers.items()}
    shown["evidence"] = cast(EvidenceView, {**document["evidence"], **clear})
    return shown


def event_data(changed: Sequence[str]) -> Callable[[Document], VerificationEventData]:
    """What makes the data of an event about a verification."""

    def data(document: Document) -> VerificationEventData:
        return VerificationEventData(
            verification_id=document["_id"],
            person_id=document["person_id"],
            changed=list(changed),
            verification=view(document),
        )

    return data


def _shown(name: str, number: str) -> str:
    """An account number as its last four, a document's masked; neither whole, however short."""
    if name == "account_number" and len(number) > VISIBLE:
        return number[-VISIBLE:]
    return masked(number)
