"""Traces, on real servers: one from the caller's `traceparent` through MongoDB into the event."""

import asyncio
import os
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from service.monitor.traces import asked_for, exporters, traces_of_environment
from tests.client import Partner
from tests.deployment import Deployment
from tests.eventually import eventually
from tests.monitor.conftest import Spans
from tests.organisation.company import new_person

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
IN_FLIGHT = 50


@pytest.fixture(scope="module")
def spans() -> Spans:
    return Spans()


@pytest.fixture(scope="module")
def deployment_settings(spans: Spans) -> dict[str, Any]:
    return {"traces": spans.traces}


@pytest.fixture(autouse=True)
async def no_spans_yet(deployment: Deployment, spans: Spans) -> None:
    # A publication's span ends after the reply, which may be after the end of the test before.
    await eventually(lambda: deployment.worker.relay.backlog == 0)
    spans.clear()


def by_kind(spans: Spans, kind: SpanKind) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.kind is kind]


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def id_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.span_id:016x}"


def parent_of(span: ReadableSpan) -> str | None:
    return f"{span.parent.span_id:016x}" if span.parent is not None else None


async def served(spans: Spans, title: str) -> ReadableSpan:
    """The span of the one request to this operation, once it has ended."""

    def ended() -> list[ReadableSpan]:
        return [span for span in by_kind(spans, SpanKind.SERVER) if span.name == title]

    (span,) = await eventually(ended)
    return span


async def test_from_the_caller_into_the_event(partner: Partner, spans: Spans) -> None:
    """One trace: the caller's span, the request's, its waits for MongoDB, and the event's way."""
    reply = await partner.ask(
        "entity.create",
        {"entity_type": "business", "registration_number": "2020/2", "trading_name": "Beta"},
        traceparent=TRACEPARENT,
        tracestate="vendor=value",
    )
    request = await served(spans, "entity.create")
    assert (trace_of(request), parent_of(request)) == (TRACE, CALLER)
    assert request.attributes is not None
    assert request.attributes["svc_user.request_id"] == reply.headers["X-Request-Id"]
    (event,) = await partner.events(reply.done["entityId"], 1)
    assert event["traceparent"] == f"00-{TRACE}-{id_of(request)}-01"
    assert event["tracestate"] == "vendor=value"
    (sent,) = await eventually(lambda: by_kind(spans, SpanKind.PRODUCER))
    assert (trace_of(sent), parent_of(sent)) == (TRACE, id_of(request))
    assert sent.name == "send evt.business.{partner_id}.{aggregate_id}.created"
    assert sent.attributes is not None
    assert sent.attributes["messaging.message.id"] == event["id"]
    waits = by_kind(spans, SpanKind.CLIENT)
    assert {(trace_of(wait), parent_of(wait)) for wait in waits} == {(TRACE, id_of(request))}
    assert waits


async def test_without_a_caller_a_trace_begins(partner: Partner, spans: Spans) -> None:
    """Also where what the caller sent is none."""
    user_id = await partner.user()
    for sent in ({}, {"traceparent": "00-zz-zz-01"}):
        spans.clear()
        await partner.ask("user.get", {"user_id": user_id}, **sent)
        request = await served(spans, "user.get")
        assert request.parent is None
    for event in await partner.events(user_id, 1):
        assert event["traceparent"].startswith("00-")


async def test_names_and_attributes(partner: Partner, spans: Spans) -> None:
    """Those of OpenTelemetry's conventions; names are few, and nothing personal is in a span."""
    user_id = await partner.user(first_name="Nomvula")
    spans.clear()
    await partner.ask("user.get", {"user_id": user_id})
    request = await served(spans, "user.get")
    assert request.attributes is not None
    told = dict(request.attributes)
    told.pop("svc_user.request_id")
    assert told == {
        "rpc.system.name": "nats",
        "rpc.method": "user.get",
        "rpc.response.status_code": "200",
        "messaging.system": "nats",
        "messaging.destination.template": "svc.user.{partner_id}.get",
    }
    (wait,) = by_kind(spans, SpanKind.CLIENT)
    assert wait.name == "find users"
    assert wait.attributes == {
        "db.system.name": "mongodb",
        "db.operation.name": "find",
        "db.collection.name": "users",
        "db.operation.batch.size": 1,
    }
    for span in spans.get_finished_spans():
        for secret in (user_id, partner.name, "Nomvula"):
            assert secret not in span.to_json()


async def test_refusals_are_told_but_are_no_errors(partner: Partner, spans: Spans) -> None:
    """Of the service: the caller did something wrong."""
    await partner.ask("user.get", {"user_id": str(uuid4())})
    request = await served(spans, "user.get")
    assert request.attributes is not None
    assert request.attributes["rpc.response.status_code"] == "404"
    assert request.attributes["error.type"] == "USER_NOT_FOUND"
    assert request.status.status_code is StatusCode.UNSET


async def test_each_has_its_own_wait_for_a_shared_batch(partner: Partner, spans: Spans) -> None:
    """Requests of fifty traces that share round trips have a span each, under their own."""
    user_id = await partner.user()
    spans.clear()
    asking = [partner.ask("user.get", {"user_id": user_id}) for _ in range(IN_FLIGHT)]
    await asyncio.gather(*asking)
    await eventually(lambda: len(by_kind(spans, SpanKind.SERVER)) == IN_FLIGHT)
    requests = {id_of(span): span for span in by_kind(spans, SpanKind.SERVER)}
    waits = by_kind(spans, SpanKind.CLIENT)
    assert {parent_of(wait) for wait in waits} == requests.keys()
    assert len(waits) == IN_FLIGHT
    for wait in waits:
        request = requests[parent_of(wait) or ""]
        assert trace_of(wait) == trace_of(request)
        assert request.start_time <= wait.start_time <= wait.end_time <= request.end_time  # type: ignore[operator]
    sizes = [(wait.attributes or {})["db.operation.batch.size"] for wait in waits]
    assert any(size != 1 for size in sizes)


async def test_calls_that_are_not_batched_have_spans_too(partner: Partner, spans: Spans) -> None:
    """A list's find, and a transaction with its commit."""
    await partner.ask("user.list", {"limit": 1})
    await served(spans, "user.list")
    assert [span.name for span in by_kind(spans, SpanKind.CLIENT)] == ["find users"]
    spans.clear()
    reply = await partner.ask("entity.create", new_person())
    assert reply.status == 200
    request = await served(spans, "entity.create")
    waits = by_kind(spans, SpanKind.CLIENT)
    assert [span.name for span in waits].count("commitTransaction") == 1
    assert {parent_of(span) for span in waits} == {id_of(request)}


async def test_nothing_is_traced_unless_asked_for(deployment: Deployment, spans: Spans) -> None:
    """What the worker does of its own accord has no spans, and a quiet environment no tracer."""
    assert not asked_for({})
    assert asked_for({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})
    assert asked_for({"OTEL_TRACES_EXPORTER": "console"})
    assert not asked_for({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "x"})
    assert not asked_for({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "TRUE"})
    if not any(name.startswith("OTEL_") for name in os.environ):
        assert traces_of_environment("id") is None
    await deployment.worker._sweep.once()
    await deployment.worker.monitor.backlog.look()
    assert not spans.get_finished_spans()


def test_exporters() -> None:
    """By the names that packages register them under."""
    assert exporters({}) == ["otlp_proto_http"]
    assert exporters({"OTEL_TRACES_EXPORTER": "otlp, console"}) == ["otlp_proto_http", "console"]
    assert exporters({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}) == ["otlp_proto_grpc"]


def test_an_exporter_that_is_not_there_costs_only_the_traces(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    assert traces_of_environment("id") is None
    assert "no exporter is called zipkin" in capsys.readouterr().out
