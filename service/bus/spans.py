"""Spans of what comes from the bus and goes to it, as OpenTelemetry names them.

A request is a remote procedure call to its caller, so its span is a server's, named by the
conventions for those; the messaging attributes beside them say by which subject it came. Names hold
no partner and no id: a subject is told by its template.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.bus.headers import Headers
from service.operation import Operation
from service.storage.outbox import Entry
from service.tracing import PLACE, Place

if TYPE_CHECKING:
    from service.bus.dispatch import Answer

_W3C = TraceContextTextMapPropagator()


class Served:
    """The span of a request that is being carried out."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.trace: dict[str, str] = {}
        """What the events that it causes carry, so that they go on with the trace."""
        _W3C.inject(self.trace, set_span_in_context(span))

    def tell(self, answer: "Answer") -> None:
        """Add what came of it. That a caller was refused is no error of the service."""
        self._span.set_attribute("rpc.response.status_code", str(answer.status))
        self._span.set_attribute("svc_user.request_id", answer.request_id)
        if answer.code is not None:
            self._span.set_attribute("error.type", answer.code)
        if answer.status >= 500:
            self._span.set_status(StatusCode.ERROR)


@contextmanager
def serving(
    tracer: Tracer, operation: Operation, header_block: bytes, began: int
) -> Iterator[Served]:
    """Let what is done within belong to a span that goes on with the caller's trace.

    `began` is when the request came, by the performance counter: it may have waited for its turn.
    """
    parent = _W3C.extract(Headers.read(header_block).trace())
    span = tracer.start_span(
        operation.title,
        parent,
        SpanKind.SERVER,
        {
            "rpc.system.name": "nats",
            "rpc.method": operation.title,
            "messaging.system": "nats",
            "messaging.destination.template": operation.subject.replace("*", "{partner_id}"),
        },
        start_time=time.time_ns() - (time.perf_counter_ns() - began),
    )
    try:
        PLACE.set(Place(tracer, set_span_in_context(span)))
        yield Served(span)
    finally:
        span.end()


def publishing(tracer: Tracer, entry: Entry) -> Span:
    """Begin the span of an event on its way to the stream, in the trace of what caused it."""
    carried: Mapping[str, str] = orjson.loads(entry["body"])
    service, _, name = entry["type"].partition(".")
    template = f"evt.{service}.{{partner_id}}.{{aggregate_id}}.{name}"
    return tracer.start_span(
        f"send {template}",
        _W3C.extract(carried),
        SpanKind.PRODUCER,
        {
            "messaging.system": "nats",
            "messaging.operation.type": "send",
            "messaging.operation.name": "publish",
            "messaging.destination.template": template,
            "messaging.message.id": entry["id"],
            "svc_user.request_id": entry["request_id"],
        },
    )
