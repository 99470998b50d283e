"""The body of a refusal: RFC 9457's fields, with the seeds' list of errors in it."""

from typing_extensions import TypedDict


class FieldError(TypedDict):
    """One thing that was wrong; `path` is dotted (`address.city`) or null."""

    code: str
    message: str
    path: str | None
    arguments: list[str]


class ProblemBody(TypedDict):
    """What a refused request is answered with; `instance` is the request id."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError]
