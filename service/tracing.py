"""What a request carries with it while it is carried out: its id, and its place in a trace.

Both are context variables, which cost some ten nanoseconds where nobody asks for traces. What is
done for many requests at once runs in a context of its own, for it belongs to none of them.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

Result = TypeVar("Result")
Self = TypeVar("Self")
P = ParamSpec("P")

REQUEST: ContextVar[tuple[str, Mapping[str, str]] | None] = ContextVar("request", default=None)
"""The id and the trace context of the request that is being carried out."""

PLACE: ContextVar["Place | None"] = ContextVar("place", default=None)
"""Where its spans belong; None for a request that nobody traces, and outside of any."""


class Place:
    """The span under which the next ones belong."""

    __slots__ = ("_context", "_tracer")

    def __init__(self, tracer: Tracer, context: Context) -> None:
        self._tracer = tracer
        self._context = context

    def begin(self, operation: str, collection: str) -> Span:
        """Begin a span for a wait for MongoDB; the names are those of OpenTelemetry's databases."""
        attributes = {"db.system.name": "mongodb", "db.operation.name": operation}
        if collection:
            attributes["db.collection.name"] = collection
        name = f"{operation} {collection}".rstrip()
        return self._tracer.start_span(name, self._context, SpanKind.CLIENT, attributes)


def end(span: Span, error: BaseException | None = None) -> None:
    """End a span. Of an error only the type is told: its text may hold what a caller has sent."""
    if error is not None:
        span.set_status(StatusCode.ERROR)
        span.set_attribute("error.type", type(error).__name__)
    span.end()


def log_request(_logger: Any, _method: str, line: Any) -> Any:
    """Put the ids of the request and of its trace into a log line; a processor for structlog."""
    request = REQUEST.get()
    if request is not None:
        request_id, trace = request
        line.setdefault("request_id", request_id)
        if trace:
            line["trace_id"] = trace["traceparent"][3:35]
    return line


async def in_span(operation: str, collection: str, call: Awaitable[Result]) -> Result:
    """Await a call of the database in a span, where the request that calls is traced."""
    place = PLACE.get()
    if place is None:
        return await call
    span = place.begin(operation, collection)
    try:
        result = await call
    except BaseException as error:
        end(span, error)
        raise
    end(span)
    return result


def spanned(
    operation: str,
) -> Callable[
    [Callable[Concatenate[Self, str, P], Awaitable[Result]]],
    Callable[Concatenate[Self, str, P], Awaitable[Result]],
]:
    """Put each call of a method on a collection into a span, as `in_span` does."""

    def decorate(
        method: Callable[Concatenate[Self, str, P], Awaitable[Result]],
    ) -> Callable[Concatenate[Self, str, P], Awaitable[Result]]:
        @wraps(method)
        async def call(self: Self, collection: str, /, *args: P.args, **kwargs: P.kwargs) -> Result:
            return await in_span(operation, collection, method(self, collection, *args, **kwargs))

        return call

    return decorate
