"""A refusal for each code. Made by `make schemas`: change nothing here.

The codes of single fields are no classes: a `BadRequest` may have several of them.
"""

from collections.abc import Mapping

from schemas.client.refusals import (
    BadRequest,
    Conflict,
    Forbidden,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
    Refusal,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)


class AccountNotFound(NotFound):
    """There is no such account."""


class AggregateNotFound(NotFound):
    """There is nothing under this id."""


class AlreadyMember(Conflict):
    """This user has a role in this account already."""


class AlreadyPending(Conflict):
    """A verification of this kind is pending for this person."""


class ConfirmationFailed(Conflict):
    """The confirmation code is wrong, or it has expired."""


class ContactEmailNotSet(NotFound):
    """This user has no contact e-mail; its own e-mail is the one to use."""


class Cycle(Conflict):
    """The new parent is the business itself, or lies below it."""


class EntityIsPersonal(Conflict):
    """A personal entity has one user, made with it."""


class EntityNotFound(NotFound):
    """There is no such entity."""


class FundsSettled(Conflict):
    """The admins of an account cannot change once it has settled funds."""


class IdempotencyKeyRequired(BadRequest):
    """This operation needs the header Idempotency-Key."""


class IdempotencyKeyReused(Conflict):
    """This Idempotency-Key was used for another request."""


class Internal(InternalServerError):
    """Something went wrong here; the request id finds it in the log."""


class InvalidClient(Unauthorized):
    """The client is unknown, or its secret is wrong."""


class InvalidGrant(Unauthorized):
    """The code or refresh token is wrong, was used before, or works no more."""


class InvalidHeader(BadRequest):
    """A header of the request is malformed."""


class InvalidParent(Conflict):
    """This cannot be the parent."""


class InvalidSubject(BadRequest):
    """The partner in the subject must be 1 to 64 of A-Z a-z 0-9 _ -."""


class LastAdmin(Conflict):
    """The last admin of an account can be neither demoted, removed nor erased."""


class LimitReached(Conflict):
    """A consumer has at most 100 dependents, and at most 100 authorized signers."""


class MembershipNotFound(NotFound):
    """This user has no role in this account."""


class MissingScope(Forbidden):
    """The token lacks the scope that this operation requires."""


class ModuleNotEnabled(MethodNotAllowed):
    """This module is not enabled for the requester's domain."""


class NotAccountAdmin(Forbidden):
    """The acting user's role in this account does not allow it."""


class NotPending(Conflict):
    """This user is not proposed as an admin of this account."""


class NotUnique(Conflict):
    """An active user already has this e-mail."""


class OutsideDomain(Forbidden):
    """This lies outside the domain of the token."""


class Overloaded(ServiceUnavailable):
    """Too busy now; repeat the request."""


class PersonNotFound(NotFound):
    """There is no such person."""


class ProfileNotFound(NotFound):
    """There is no such profile."""


class RateLimited(TooManyRequests):
    """Too many requests; wait as long as Retry-After says."""


class ReplyTooLarge(Conflict):
    """The reply is too large to be sent; ask for fewer blocks, or for its parts."""


class SubmittedByCaller(Forbidden):
    """Who submitted a verification cannot decide it."""


class TokenExpired(Unauthorized):
    """The token has expired."""


class TooLarge(BadRequest):
    """The body is larger than 256 KiB."""


class Unauthenticated(Unauthorized):
    """A valid token is required."""


class Unavailable(ServiceUnavailable):
    """Not available now; repeat the request, with its Idempotency-Key if it creates."""


class UnmaskedNotPermitted(Forbidden):
    """UNMASKED takes the scope read:sensitive."""


class UserNotActive(Conflict):
    """An inactive user cannot become an admin."""


class UserNotConfirmed(Conflict):
    """To become an admin a user must have confirmed its e-mail."""


class UserNotFound(NotFound):
    """There is no such user."""


class VerificationNotFound(NotFound):
    """There is no such verification."""


class VersionConflict(Conflict):
    """The version is not the one that If-Match names; read it again."""


class WrongPartner(Forbidden):
    """The token is not for the partner in the subject."""


class WrongTokenKind(Forbidden):
    """This operation is not for this kind of token."""


BY_CODE: Mapping[str, type[Refusal]] = {
    "ACCOUNT_NOT_FOUND": AccountNotFound,
    "AGGREGATE_NOT_FOUND": AggregateNotFound,
    "ALREADY_MEMBER": AlreadyMember,
    "ALREADY_PENDING": AlreadyPending,
    "CONFIRMATION_FAILED": ConfirmationFailed,
    "CONTACT_EMAIL_NOT_SET": ContactEmailNotSet,
    "CYCLE": Cycle,
    "ENTITY_IS_PERSONAL": EntityIsPersonal,
    "ENTITY_NOT_FOUND": EntityNotFound,
    "FUNDS_SETTLED": FundsSettled,
    "IDEMPOTENCY_KEY_REQUIRED": IdempotencyKeyRequired,
    "IDEMPOTENCY_KEY_REUSED": IdempotencyKeyReused,
    "INTERNAL": Internal,
    "INVALID_CLIENT": InvalidClient,
    "INVALID_GRANT": InvalidGrant,
    "INVALID_HEADER": InvalidHeader,
    "INVALID_PARENT": InvalidParent,
    "INVALID_SUBJECT": InvalidSubject,
    "LAST_ADMIN": LastAdmin,
    "LIMIT_REACHED": LimitReached,
    "MEMBERSHIP_NOT_FOUND": MembershipNotFound,
    "MISSING_SCOPE": MissingScope,
    "MODULE_NOT_ENABLED": ModuleNotEnabled,
    "NOT_ACCOUNT_ADMIN": NotAccountAdmin,
    "NOT_PENDING": NotPending,
    "NOT_UNIQUE": NotUnique,
    "OUTSIDE_DOMAIN": OutsideDomain,
    "OVERLOADED": Overloaded,
    "PERSON_NOT_FOUND": PersonNotFound,
    "PROFILE_NOT_FOUND": ProfileNotFound,
    "RATE_LIMITED": RateLimited,
    "REPLY_TOO_LARGE": ReplyTooLarge,
    "SUBMITTED_BY_CALLER": SubmittedByCaller,
    "TOKEN_EXPIRED": TokenExpired,
    "TOO_LARGE": TooLarge,
    "UNAUTHENTICATED": Unauthenticated,
    "UNAVAILABLE": Unavailable,
    "UNMASKED_NOT_PERMITTED": UnmaskedNotPermitted,
    "USER_NOT_ACTIVE": UserNotActive,
    "USER_NOT_CONFIRMED": UserNotConfirmed,
    "USER_NOT_FOUND": UserNotFound,
    "VERIFICATION_NOT_FOUND": VerificationNotFound,
    "VERSION_CONFLICT": VersionConflict,
    "WRONG_PARTNER": WrongPartner,
    "WRONG_TOKEN_KIND": WrongTokenKind,
}
