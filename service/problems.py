"""Refusals that any operation can give: named, with a stable code, an RFC 9457 body each.

A refusal that only one domain knows stands beside the rule it enforces, as a subclass of `Problem`.
"""

from http import HTTPStatus
from typing import ClassVar

from schemas.problem import FieldError, ProblemBody


class Problem(Exception):
    """A request refused. Subclasses say the status, the stable code and the sentence.

    `path` is where in the request the trouble is, dotted, or None. No argument may hold personal
    data in full: all of it goes to the caller and some of it into logs.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    detail: ClassVar[str]

    def __init__(
        self,
        message: str | None = None,
        *,
        path: str | None = None,
        arguments: list[str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(self.code)
        self.message = message or self.detail
        self.path = path
        self.arguments = arguments or []
        self.retry_after = retry_after

    def errors(self) -> list[FieldError]:
        """The list of errors in the body; at least one."""
        return [
            FieldError(
                code=self.code, message=self.message, path=self.path, arguments=self.arguments
            )
        ]

    def body(self, request_id: str) -> ProblemBody:
        """The whole body of the refusal."""
        return ProblemBody(
            type="about:blank",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            instance=request_id,
            errors=self.errors(),
        )


class InvalidRequest(Problem):
    """The request's body breaks the rules of one or more fields."""

    status = 400
    code = "INVALID_REQUEST"
    detail = "The request is not valid."

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__()
        self._errors = errors

    def errors(self) -> list[FieldError]:
        """One entry for each field that was wrong."""
        return self._errors


class InvalidSubject(Problem):
    """The partner's place in the subject holds what no partner is called."""

    status = 400
    code = "INVALID_SUBJECT"
    detail = "The partner in the subject must be 1 to 64 of A-Z a-z 0-9 _ -."


class InvalidHeader(Problem):
    """A header is malformed, or there twice with different values."""

    status = 400
    code = "INVALID_HEADER"
    detail = "A header of the request is malformed."


class TooLarge(Problem):
    """The body is larger than the service reads."""

    status = 400
    code = "TOO_LARGE"
    detail = "The body is larger than 256 KiB."


class InvalidCursor(Problem):
    """The cursor is not one that this list gave out."""

    status = 400
    code = "INVALID_FORMAT"
    detail = "The cursor is not one that this list gave out; leave it out for the first page."


class IdempotencyKeyRequired(Problem):
    """The operation must not happen twice, and nothing says which request this is."""

    status = 400
    code = "IDEMPOTENCY_KEY_REQUIRED"
    detail = "This operation needs the header Idempotency-Key."


class Unauthenticated(Problem):
    """No token, or none that this service trusts."""

    status = 401
    code = "UNAUTHENTICATED"
    detail = "A valid token is required."


class TokenExpired(Problem):
    """The token was good once."""

    status = 401
    code = "TOKEN_EXPIRED"
    detail = "The token has expired."


class MissingScope(Problem):
    """The token lacks the scope that the operation asks for."""

    status = 403
    code = "MISSING_SCOPE"
    detail = "The token lacks the scope that this operation requires."


class WrongTokenKind(Problem):
    """The operation is not for this kind of token: a client's, or a user's own."""

    status = 403
    code = "WRONG_TOKEN_KIND"
    detail = "This operation is not for this kind of token."


class WrongPartner(Problem):
    """The token is another partner's."""

    status = 403
    code = "WRONG_PARTNER"
    detail = "The token is not for the partner in the subject."


class OutsideDomain(Problem):
    """The request names a parent that is not under the token's administrator."""

    status = 403
    code = "OUTSIDE_DOMAIN"
    detail = "This lies outside the domain of the token."


class ModuleNotEnabled(Problem):
    """The module of the operation is off for the requester's domain."""

    status = 405
    code = "MODULE_NOT_ENABLED"
    detail = "This module is not enabled for the requester's domain."


class VersionConflict(Problem):
    """If-Match names another version than the one there is."""

    status = 409
    code = "VERSION_CONFLICT"
    detail = "The version is not the one that If-Match names; read it again."


class IdempotencyKeyReused(Problem):
    """The key belongs to another request, or to a caller with other rights."""

    status = 409
    code = "IDEMPOTENCY_KEY_REUSED"
    detail = "This Idempotency-Key was used for another request."


class ReplyTooLarge(Problem):
    """A list that has no pages is longer than the server's `max_payload` lets through."""

    status = 409
    code = "REPLY_TOO_LARGE"
    detail = "The reply is too large to be sent; ask for fewer blocks, or for its parts."


class RateLimited(Problem):
    """The partner asks more often than it may."""

    status = 429
    code = "RATE_LIMITED"
    detail = "Too many requests; wait as long as Retry-After says."


class Internal(Problem):
    """A defect. The log has the whole of it under the request id, the caller nothing."""

    status = 500
    code = "INTERNAL"
    detail = "Something went wrong here; the request id finds it in the log."


class Unavailable(Problem):
    """MongoDB is out of reach. The change may have been carried out all the same."""

    status = 503
    code = "UNAVAILABLE"
    detail = "Not available now; repeat the request, with its Idempotency-Key if it creates."


class Overloaded(Problem):
    """More requests in flight than the worker takes; this one was not looked at."""

    status = 503
    code = "OVERLOADED"
    detail = "Too busy now; repeat the request."


COMMON: tuple[type[Problem], ...] = (
    InvalidRequest,
    InvalidSubject,
    InvalidHeader,
    TooLarge,
    Unauthenticated,
    TokenExpired,
    WrongPartner,
    RateLimited,
    Internal,
    Unavailable,
    Overloaded,
)
"""What every operation can answer, whatever it does."""

OF_TOKENS: frozenset[type[Problem]] = frozenset({Unauthenticated, TokenExpired, WrongPartner})
"""Those of them that an operation which asks for no token cannot."""
