"""Traces: where the spans go, as the standard variables of OpenTelemetry (`OTEL_…`) say.

Nothing is traced unless they ask for it, and then nothing costs anything. The SDK and its exporter
are an extra, `svc-user[otel]`: what makes spans knows the API alone. A provider that somebody has
set up before, as `opentelemetry-instrument` does, is used as it is.
"""

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import entry_points
from threading import Thread
from typing import Any

import structlog
from opentelemetry.trace import ProxyTracerProvider, Tracer, TracerProvider, get_tracer_provider

from service import __version__
from service.bus.discovery import NAME

log = structlog.get_logger()

EXTRA_MISSING = "traces are asked for, but the OpenTelemetry SDK is missing: svc-user[otel]"

_ASKED_BY = (
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)


class WrongTraces(Exception):
    """The environment asks for traces that cannot be sent; the text says why."""


class Traces:
    """Spans of one worker on their way to a collector."""

    def __init__(self, provider: TracerProvider, own: Any = None) -> None:
        """`own` is the provider where this one made it, and is to end it."""
        self.tracer: Tracer = provider.get_tracer(NAME, __version__)
        self._own = own

    async def close(self, seconds: float) -> None:
        """Send what is left; a collector that does not answer is waited for so long at most."""
        if self._own is None:
            return
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def send() -> None:
            self._own.shutdown()
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(sent.set)

        # No thread of the loop's own: a loop waits for those before it ends.
        Thread(target=send, name="traces", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await sent.wait()


def asked_for(environment: Mapping[str, str]) -> bool:
    """Whether the variables ask for traces."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "").strip() == "none":
        return False
    return any(environment.get(name) for name in _ASKED_BY)


def traces_of_environment(worker_id: str) -> Traces | None:
    """Traces as the environment asks for them, or None where it does not, or they cannot be had."""
    provider = get_tracer_provider()
    if not isinstance(provider, ProxyTracerProvider):
        return Traces(provider)
    if not asked_for(os.environ):
        return None
    try:
        made = _provider(worker_id)
    except WrongTraces as error:
        log.warning("no_traces", reason=str(error))
        return None
    return Traces(made, made)


def _provider(worker_id: str) -> Any:
    """A provider whose sampler, limits, resource and exporters are those of the environment.

    Raises: WrongTraces.
    """
    try:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # an extra
        from opentelemetry.sdk.trace import TracerProvider as Provider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise WrongTraces(EXTRA_MISSING) from None
    found = Resource.create().attributes
    about = {"service.version": __version__, **found}
    if "service.instance.id" not in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        about["service.instance.id"] = worker_id  # the SDK makes one up
    if str(found["service.name"]).startswith("unknown_service"):
        about["service.name"] = NAME
    provider = Provider(resource=Resource(about), shutdown_on_exit=False)
    for name in exporters(os.environ):
        provider.add_span_processor(BatchSpanProcessor(_exporter(name)))
    return provider


def exporters(environment: Mapping[str, str]) -> list[str]:
    """The names of the exporters that the environment asks for, as packages register them."""
    names = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"
    )
    otlp = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
    return [otlp if name.strip() == "otlp" else name.strip() for name in names.split(",")]


def _exporter(name: str) -> Any:
    """Make an exporter.

    Raises: WrongTraces.
    """
    for found in entry_points(group="opentelemetry_traces_exporter", name=name):
        try:
            return found.load()()
        except Exception as error:  # whatever ails it, the worker can do without
            raise WrongTraces(f"the exporter {name} cannot be made: {error}") from error
    raise WrongTraces(f"no exporter is called {name}; otlp over http/protobuf and console are here")
