"""`svc-user doctor`: what is wrong is found, each thing with what to do about it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats
import pytest
from nats.js.api import StreamConfig
from pymongo import AsyncMongoClient

from service.app import INDEXES, Worker
from service.command.findings import State, clock
from service.command.keys import make_keys
from service.local.ports import free_port
from service.resources import STREAM
from service.settings import read_settings
from tests.cli.conftest import Invoke
from tests.eventually import eventually
from tests.servers import PrivateServers


@pytest.fixture
def settings(
    tmp_path: Path,
    nats_url: str,
    mongo_uri: str,
    database_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> pytest.MonkeyPatch:
    """Settings under which all can be reached, with a database in which there is nothing yet."""
    make_keys(tmp_path)
    monkeypatch.setenv("SVC_USER_NATS_URL", nats_url)
    monkeypatch.setenv("SVC_USER_MONGO_URI", mongo_uri)
    monkeypatch.setenv("SVC_USER_MONGO_DATABASE", database_name)
    monkeypatch.setenv("SVC_USER_KEYS_DIR", str(tmp_path))
    return monkeypatch


def rows(output: str) -> dict[str, str]:
    """Each thing looked at, with the rest of its line."""
    lines = [line for line in output.splitlines() if "  " in line.strip()]
    return {line.strip().partition("  ")[0]: line for line in lines}


async def test_beside_a_dev_all_is_well(invoke: Invoke, dev_dir: Path) -> None:
    result = await invoke("doctor", "--data-dir", dev_dir)
    assert result.exit_code == 0, result.stdout
    for text in ("NATS", "JetStream", "event stream", "MongoDB", "rs0", "clock", "keys", "outbox"):
        assert text in result.stdout
    assert "wrong" not in result.stdout


async def test_without_a_dev_or_settings_it_says_so(invoke: Invoke, tmp_path: Path) -> None:
    result = await invoke("doctor", "--data-dir", tmp_path)
    assert result.exit_code == 1
    assert "svc-user dev" in result.stdout


@pytest.mark.usefixtures("settings")
async def test_missing_indexes_are_named(invoke: Invoke) -> None:
    result = await invoke("doctor")
    for collection, _ in INDEXES:
        assert "wrong" in rows(result.stdout)[f"indexes of {collection}"]
    assert "email_of_active" in result.stdout


@pytest.mark.usefixtures("settings")
async def test_events_that_wait_too_long_are_found(
    invoke: Invoke, mongo_admin: AsyncMongoClient[dict[str, Any]], database_name: str
) -> None:
    old = datetime.now(UTC) - timedelta(hours=1)
    await mongo_admin[database_name].users.insert_one({"outbox": [{"at": old}]})
    result = await invoke("doctor")
    assert result.exit_code == 1
    assert "wrong" in rows(result.stdout)["outbox"]


async def test_servers_that_do_not_answer_are_named(
    invoke: Invoke, settings: pytest.MonkeyPatch
) -> None:
    settings.setenv("SVC_USER_NATS_URL", f"nats://127.0.0.1:{free_port()}")
    settings.setenv("SVC_USER_MONGO_URI", f"mongodb://user:secret@127.0.0.1:{free_port()}")
    result = await invoke("doctor")
    found = rows(result.stdout)
    assert result.exit_code == 1
    assert "wrong" in found["NATS"]
    assert "wrong" in found["MongoDB"]
    assert "unknown" in found["event stream"]
    assert "secret" not in result.stdout


async def test_a_wrong_setting_is_named(invoke: Invoke, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("SVC_USER_BOUND", "many")
    result = await invoke("doctor")
    assert result.exit_code == 1
    assert "SVC_USER_BOUND" in result.stdout


async def test_missing_keys_are_named(
    invoke: Invoke, settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.setenv("SVC_USER_KEYS_DIR", str(tmp_path / "none"))
    result = await invoke("doctor")
    assert result.exit_code == 1
    assert "SVC_USER_KEYS_DIR" in result.stdout


async def test_a_stream_that_is_not_in_line_is_found(
    invoke: Invoke, settings: pytest.MonkeyPatch, private_servers: PrivateServers
) -> None:
    server = await private_servers.nats()
    settings.setenv("SVC_USER_NATS_URL", server.url)
    assert "wrong" in rows((await invoke("doctor")).stdout)["event stream"]
    async with await nats.connect(server.url) as client:
        odd = StreamConfig(name=STREAM, subjects=["evt.>"], max_age=60, allow_direct=False)
        await client.jetstream().add_stream(odd)
    found = rows((await invoke("doctor")).stdout)["event stream"]
    assert "max_age" in found
    assert "subjects" not in found


async def test_transactions_that_may_stay_open_for_long_are_found(
    invoke: Invoke, settings: pytest.MonkeyPatch, private_servers: PrivateServers
) -> None:
    assert "ok" in rows((await invoke("doctor")).stdout)["transactions"]
    server = await private_servers.standalone_mongo()
    settings.setenv("SVC_USER_MONGO_URI", server.url)
    found = rows((await invoke("doctor")).stdout)
    assert "wrong" in found["transactions"]
    assert "60 s" in found["transactions"]
    assert "not a replica set" in found["MongoDB"]


def test_a_clock_that_is_off_is_wrong() -> None:
    assert clock("clock", 0.5).state is State.OK
    assert clock("clock", -3.0).state is State.WRONG
    assert "behind" in clock("clock", -3.0).found


async def test_a_port_that_is_asked_for_is_looked_at(
    invoke: Invoke, settings: pytest.MonkeyPatch, nats_url: str
) -> None:
    """Whether a worker is ready there, is not, is not there, or it is another's."""
    assert "unknown" in rows((await invoke("doctor")).stdout)["HTTP port"]
    port = free_port()
    settings.setenv("SVC_USER_HTTP_PORT", str(port))
    settings.setenv("SVC_USER_HTTP_HOST", "0.0.0.0")  # noqa: S104  # as in a container
    assert "where nothing listens" in rows((await invoke("doctor")).stdout)["HTTP port"]
    worker = Worker(read_settings())
    worker.show()
    try:
        found = rows((await invoke("doctor")).stdout)["HTTP port"]
        assert "wrong" in found
        assert "nats not connected" in found
        await worker.start()

        async def ready() -> bool:
            return ", ready" in rows((await invoke("doctor")).stdout)["HTTP port"]

        await eventually(ready)
    finally:
        await worker.stop()
    settings.setenv("SVC_USER_HTTP_HOST", "127.0.0.1")
    settings.setenv("SVC_USER_HTTP_PORT", str(urlsplit(nats_url).port))
    assert "another program's" in rows((await invoke("doctor")).stdout)["HTTP port"]


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"checks": 5}', b"null"], ids=repr)
async def test_a_port_of_a_program_that_answers_json_is_another_programs(
    invoke: Invoke, settings: pytest.MonkeyPatch, body: bytes
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 No\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        settings.setenv("SVC_USER_HTTP_PORT", str(port))
        assert "another program's" in rows((await invoke("doctor")).stdout)["HTTP port"]


async def test_traces_are_looked_at(invoke: Invoke, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("OTEL_TRACES_EXPORTER", "otlp")
    assert "ok" in rows((await invoke("doctor")).stdout)["traces"]
    settings.setenv("OTEL_SDK_DISABLED", "true")
    assert "not asked for" in rows((await invoke("doctor")).stdout)["traces"]
