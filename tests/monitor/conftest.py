"""What the tests of the monitor ask for besides: workers whose HTTP port is known."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.app import Worker
from service.local.ports import free_port
from service.monitor.traces import Traces


@pytest.fixture(scope="module")
def deployment_settings() -> dict[str, object]:
    return {"http_port": free_port()}


def port_of(worker: Worker) -> int:
    """The HTTP port of a worker that has one."""
    assert worker.monitor.port is not None
    return worker.monitor.port.port


class Spans(InMemorySpanExporter):
    """Keeps the spans that were ended."""

    def __init__(self) -> None:
        super().__init__()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self))
        self.traces = Traces(provider)
