"""The operations of svc.verification."""

from schemas.user import UserUpdated
from schemas.verification import (
    DecideVerification,
    ListVerifications,
    SubmitVerification,
    Verification,
    VerificationApproved,
    VerificationId,
    VerificationList,
    VerificationRejected,
    VerificationSubmitted,
)
from service.auth.scopes import CLIENTS, Scope
from service.call import Call
from service.identity.problems import PersonNotFound
from service.identity.resolver import find_person
from service.ids import new_id
from service.operation import Module, Operations
from service.problems import InvalidCursor
from service.storage.errors import Duplicate
from service.storage.kind import ERASED_AT
from service.storage.mongo import Document
from service.storage.pages import read_page
from service.storage.together import Transaction
from service.storage.writes import Change
from service.users import store as users
from service.users.store import USERS
from service.verification import store
from service.verification.problems import (
    AlreadyPending,
    NotPending,
    SubmittedByCaller,
    VerificationNotFound,
)
from service.verification.store import VERIFICATIONS

operations = Operations("verification", module=Module.VERIFICATION)


@operations.command(
    "submit",
    scope=Scope.WRITE_VERIFICATION,
    creates=VERIFICATIONS,
    emits=[VerificationSubmitted],
    refuses=[PersonNotFound, AlreadyPending],
)
async def submit(request: SubmitVerification, call: Call) -> Verification:
    """Ask for a person's identity or bank account to be verified."""
    person = await find_person(call, request.person_id)
    document = store.new_verification(call, new_id(call.now), request, person)
    # The reply is kept with the verification, so it is made before the verification is there.
    reply = store.view({**document, "version": 1})
    told = store.event_data(["evidence", "kind", "person_id", "state"])
    try:
        await call.storage[VERIFICATIONS].insert(call, document, VerificationSubmitted, told, reply)
    except Duplicate:
        raise AlreadyPending(path="kind") from None
    call.etag = 1
    return reply


@operations.command(
    "decide",
    scope=Scope.DECIDE_VERIFICATION,
    callers=CLIENTS,
    versioned=True,
    emits=[VerificationApproved, VerificationRejected, UserUpdated],
    refuses=[VerificationNotFound, NotPending, SubmittedByCaller],
)
async def decide(request: DecideVerification, call: Call) -> Verification:
    """Approve or reject what is pending. An identity approved makes a user `verified`."""
    approved = request.decision == "APPROVED"
    event = VerificationApproved if approved else VerificationRejected

    def decision(document: Document | None) -> Change | None:
        verification = _visible(call, document)
        call.expect_version(verification["version"])
        if verification["state"] != "PENDING":
            raise NotPending(path="verification_id")
        if verification["submitted_by"] == call.caller.subject:
            raise SubmittedByCaller(path="verification_id")
        fields = store.decided(call, request)
        changed = sorted(name for name, value in fields.items() if value != verification[name])
        return Change(event, fields, store.event_data(changed))

    async def with_user(transaction: Transaction) -> Document:
        verification = await transaction.change(VERIFICATIONS, request.verification_id, decision)

        def verify(user: Document | None) -> Change | None:
            if user is None or ERASED_AT in user:
                raise VerificationNotFound(path="verification_id")
            told = users.event_data(["verified"])
            return Change(UserUpdated, users.verified(verification["_id"]), told)

        await transaction.change(USERS, verification["person_id"], verify)
        return verification

    verifications = call.storage[VERIFICATIONS]
    facts = _visible(call, await verifications.read_fixed(request.verification_id))
    if approved and facts["of_user"] and facts["kind"] == "IDENTITY":
        document = await call.storage.together(call, with_user)
    else:
        document = await verifications.change(call, request.verification_id, decision)
    call.etag = document["version"]
    return store.view(document)


@operations.query("get", scope=Scope.READ_VERIFICATION, refuses=[VerificationNotFound])
async def get(request: VerificationId, call: Call) -> Verification:
    """Read a verification."""
    document = _visible(call, await call.storage[VERIFICATIONS].read(request.verification_id))
    call.etag = document["version"]
    return store.view(document)


@operations.query("list", scope=Scope.READ_VERIFICATION, refuses=[InvalidCursor])
async def list_verifications(request: ListVerifications, call: Call) -> VerificationList:
    """List verifications, oldest first."""
    query, index = store.list_query(call, request)
    verifications = call.storage[VERIFICATIONS]
    page = await read_page(call, verifications, query, request, store.view, hint=index)
    return VerificationList(items=page.items, next_cursor=page.next_cursor)


def _visible(call: Call, document: Document | None) -> Document:
    """The verification, where the caller may know of it.

    Raises: VerificationNotFound.
    """
    if document is None or not call.sees(document):
        raise VerificationNotFound(path="verification_id")
    return document
