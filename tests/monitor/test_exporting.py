"""A worker as a process, configured by the standard variables alone, sends its spans over OTLP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from service.command.keys import make_keys
from tests.cli.program import Program, environment
from tests.monitor.web import LOOPBACK


class Collector:
    """Takes what is sent to it as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.received: list[ResourceSpans] = []
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Collector"]:
        server = await asyncio.start_server(self._take, LOOPBACK)
        self.url = f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert head.startswith("post /v1/traces ")
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        request = ExportTraceServiceRequest.FromString(await reader.readexactly(length))
        self.received += request.resource_spans
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()


async def test_spans_are_sent_before_the_end(
    tmp_path: Path, nats_url: str, mongo_uri: str, database_name: str
) -> None:
    """All of them, also the last ones; with the names that the environment gives."""
    make_keys(tmp_path)
    async with Collector().running() as collector:
        variables = environment(
            SVC_USER_NATS_URL=nats_url,
            SVC_USER_MONGO_URI=mongo_uri,
            SVC_USER_MONGO_DATABASE=database_name,
            SVC_USER_KEYS_DIR=str(tmp_path),
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=tests",
        )
        serving = await Program.start("serve", env=variables)
        await serving.error_line_with('"ready"')
        async with await nats.connect(nats_url) as client:
            answer = await client.request("svc.token.acme.jwks", b"{}", timeout=5)
            assert b"keys" in answer.data
        assert await serving.stop() == 0
    (sent,) = collector.received
    about = {each.key: each.value.string_value for each in sent.resource.attributes}
    assert about["service.name"] == "svc-user"
    assert about["deployment.environment.name"] == "tests"
    names = [span.name for scope in sent.scope_spans for span in scope.spans]
    assert "token.jwks" in names


async def test_a_collector_that_is_away_is_not_waited_for(
    tmp_path: Path, nats_url: str, mongo_uri: str, database_name: str
) -> None:
    """Neither by requests nor by the end."""
    make_keys(tmp_path)
    variables = environment(
        SVC_USER_NATS_URL=nats_url,
        SVC_USER_MONGO_URI=mongo_uri,
        SVC_USER_MONGO_DATABASE=database_name,
        SVC_USER_KEYS_DIR=str(tmp_path),
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{LOOPBACK}:9",
    )
    serving = await Program.start("serve", env=variables)
    await serving.error_line_with('"ready"')
    async with await nats.connect(nats_url) as client:
        answer = await client.request("svc.token.acme.jwks", b"{}", timeout=5)
        assert b"keys" in answer.data
    async with asyncio.timeout(10):
        assert await serving.stop() == 0
