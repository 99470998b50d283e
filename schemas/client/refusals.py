"""What can come of a request besides its reply: refusals, each a class, and no answer at all."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError

from schemas.problem import FieldError, ProblemBody


class ClientError(Exception):
    """The base of everything that a client raises of its own accord."""


class UnexpectedReply(ClientError):
    """An answer that is not as this version of the contract has it."""


class NoAnswer(ClientError):
    """Nobody answered in time: whether the request was carried out is not known."""


class NotReached(NoAnswer):
    """NATS was away, or no worker listened: the request was not carried out."""


class Refusal(ClientError):
    """A request refused (RFC 9457). The subclasses tell the status, those below them the code."""

    def __init__(self, problem: ProblemBody, retry_after: float | None = None) -> None:
        first = problem["errors"][0]
        super().__init__(f"{problem['status']} {first['code']}: {first['message']}")
        self.status = problem["status"]
        self.title = problem["title"]
        self.detail = problem["detail"]
        self.errors: list[FieldError] = problem["errors"]
        """All that was wrong; at least one entry."""
        self.code = first["code"]
        """The stable code of the first entry."""
        self.path = first["path"]
        """Where in the request the first entry's trouble is, dotted, or None."""
        self.request_id = problem["instance"]
        """What finds the request in the log of the service."""
        self.retry_after = retry_after
        """Seconds to wait before another try, where the service said so."""
        self.perhaps_done = False
        """Whether the request may have been carried out all the same: an attempt at it was not
        answered, or by a 503 that leaves it open. A conflict may then be one with itself.
        """


class BadRequest(Refusal):
    """400: the request itself is wrong; `errors` has an entry for each field."""


class Unauthorized(Refusal):
    """401: no token, or one that is not trusted or no longer."""


class Forbidden(Refusal):
    """403: the token is good, but a right is missing."""


class NotFound(Refusal):
    """404: what an id names does not exist for this partner and caller."""


class MethodNotAllowed(Refusal):
    """405: the module is not enabled for the requester's domain."""


class Conflict(Refusal):
    """409: what there is stands in the way."""


class TooManyRequests(Refusal):
    """429: the partner is over its rate."""


class InternalServerError(Refusal):
    """500: a defect of the service; `request_id` finds it in the log."""


class ServiceUnavailable(Refusal):
    """503: not now. Of a change, only `Overloaded` proves that it was not carried out."""


BY_STATUS: Mapping[int, type[Refusal]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    409: Conflict,
    429: TooManyRequests,
    500: InternalServerError,
    503: ServiceUnavailable,
}


class CodedRefusals:
    """Makes the exception for a refusal: the class of its code, else the one of its status."""

    _body: ClassVar[TypeAdapter[ProblemBody]] = TypeAdapter(ProblemBody)

    def __init__(self, by_code: Mapping[str, type[Refusal]]) -> None:
        self._by_code = by_code

    def read(self, headers: Mapping[str, Any], data: bytes) -> Refusal:
        """The refusal that a message tells of.

        Raises: UnexpectedReply.
        """
        try:
            problem = self._body.validate_json(data)
            of_status = BY_STATUS.get(problem["status"], Refusal)
            of_code = self._by_code.get(problem["errors"][0]["code"], of_status)
        except (ValidationError, IndexError) as error:
            raise UnexpectedReply("a refusal without the body of one") from error
        chosen = of_code if issubclass(of_code, of_status) else of_status
        return chosen(problem, _seconds(headers.get("Retry-After")))


def _seconds(value: str | None) -> float | None:
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:
        return None
