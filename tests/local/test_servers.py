"""Servers as children of this process: what they keep, what they refuse, and when they end."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import psutil
import pytest
from pymongo import AsyncMongoClient

from service.local import GivenServer, LocalServer, LocalServerError, start_mongo, start_nats
from service.local.containers import Unavailable, find_container
from service.local.nats import greeting_missing
from service.local.ports import LOOPBACK, free_port
from service.local.sources import Program
from tests.eventually import eventually
from tests.servers import PrivateServers

Start = Callable[..., Coroutine[Any, Any, LocalServer]]


async def put_into_nats(url: str) -> None:
    async with await nats.connect(url) as client:
        stream = client.jetstream()
        await stream.add_stream(name="KEPT", subjects=["kept.>"])
        await stream.publish("kept.one", b"still here")


async def look_into_nats(url: str) -> bytes | None:
    async with await nats.connect(url) as client:
        message = await client.jetstream().get_msg("KEPT", seq=1)
        return message.data


async def put_into_mongo(url: str) -> None:
    async with AsyncMongoClient[dict[str, Any]](url, w="majority", journal=True) as client:
        await client.kept.documents.insert_one({"_id": 1, "text": b"still here"})


async def look_into_mongo(url: str) -> bytes | None:
    async with AsyncMongoClient[dict[str, Any]](url) as client:
        document = await client.kept.documents.find_one({"_id": 1})
        return document["text"] if document else None


@dataclass(frozen=True)
class Case:
    start: Start
    option: str
    put: Callable[[str], Coroutine[Any, Any, None]]
    look: Callable[[str], Coroutine[Any, Any, bytes | None]]


CASES = {
    "nats": Case(start_nats, "--nats-port", put_into_nats, look_into_nats),
    "mongo": Case(start_mongo, "--mongo-port", put_into_mongo, look_into_mongo),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
async def server(case: Case, tmp_path: Path) -> AsyncIterator[LocalServer]:
    server = await case.start(tmp_path, port=0)
    yield server
    server.kill()


def is_gone(pid: int) -> bool:
    """Tell whether the process has ended, though nobody may have asked how."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_data_survive_a_restart(case: Case, server: LocalServer) -> None:
    await case.put(server.url)
    before = server.pid
    await server.restart()
    assert server.pid != before
    assert await case.look(server.url) == b"still here"


async def test_data_survive_a_kill(case: Case, server: LocalServer) -> None:
    await case.put(server.url)
    server.kill()
    assert not server.alive
    await server.restart()
    assert await case.look(server.url) == b"still here"


async def test_data_are_found_from_another_port(
    case: Case, server: LocalServer, tmp_path: Path
) -> None:
    await case.put(server.url)
    await server.stop()
    moved = await case.start(tmp_path, port=free_port())
    try:
        assert moved.port != server.port
        assert await case.look(moved.url) == b"still here"
    finally:
        await moved.stop()


async def test_a_port_in_use_is_named_with_the_option_to_use(
    case: Case, server: LocalServer, tmp_path: Path
) -> None:
    expected = f"port {server.port} is in use. Choose another with {case.option}"
    with pytest.raises(LocalServerError, match=expected):
        await case.start(tmp_path / "elsewhere", port=server.port)


async def test_two_servers_never_share_a_folder(
    case: Case, server: LocalServer, tmp_path: Path
) -> None:
    with pytest.raises(LocalServerError, match=r"another one is using .*--data-dir"):
        await case.start(tmp_path, port=0)
    assert server.alive


@pytest.mark.parametrize(
    "name",
    ["Zoë", 'a "b"', "a\\b", "$a {b} #c", "a\tb"],
    ids=["letter", "quote", "backslash", "signs", "tab"],
)
async def test_a_folder_may_have_any_name(case: Case, tmp_path: Path, name: str) -> None:
    server = await case.start(tmp_path / name, port=0)
    try:
        await case.put(server.url)
        assert await case.look(server.url) == b"still here"
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("start", "file", "folder"),
    [
        (start_nats, "nats", None),
        (start_nats, None, "nats/nats.conf"),
        (start_mongo, "mongo", None),
        (start_mongo, "mongo/data", None),
    ],
    ids=["nats", "nats.conf", "mongo", "mongo-data"],
)
async def test_a_file_where_a_folder_should_be_is_named(
    tmp_path: Path, start: Start, file: str | None, folder: str | None
) -> None:
    """And a folder in the place of a file."""
    path = tmp_path / (file or folder or "")
    path.parent.mkdir(exist_ok=True)
    if file:
        path.touch()
    else:
        path.mkdir()
    with pytest.raises(LocalServerError, match=f"cannot be started in .*'{path}'"):
        await start(tmp_path, port=0)


async def test_a_frozen_server_ends_when_told_to(server: LocalServer) -> None:
    server.freeze()
    assert psutil.Process(server.pid).status() == psutil.STATUS_STOPPED
    pid = server.pid
    await server.stop()
    assert is_gone(pid)


async def test_a_frozen_nats_server_goes_on_when_thawed(private_servers: PrivateServers) -> None:
    server = await private_servers.nats()
    server.freeze()
    assert await greeting_missing(LOOPBACK, server.port) == f"nobody answers on port {server.port}"
    server.thaw()
    assert await greeting_missing(LOOPBACK, server.port) is None


async def test_stopping_and_killing_may_be_repeated(server: LocalServer) -> None:
    await server.stop()
    await server.stop()
    server.kill()
    assert not server.alive


async def test_a_child_is_in_a_process_group_of_its_own(server: LocalServer) -> None:
    """A terminal's Ctrl-C goes to the parent's group: the parent ends its children in order."""
    assert os.getpgid(server.pid) == server.pid != os.getpgrp()


async def test_the_log_of_the_start_before_is_kept(server: LocalServer) -> None:
    first = server.log.read_text()
    await server.stop()
    await server.start()
    assert server.log.with_suffix(".log.1").read_text().startswith(first)


async def test_a_nats_server_takes_more_configuration(private_servers: PrivateServers) -> None:
    server = await private_servers.nats(config="max_payload: 4096")
    async with await nats.connect(server.url) as client:
        assert client.max_payload == 4096


async def test_a_mongod_takes_more_arguments(private_servers: PrivateServers) -> None:
    server = await private_servers.mongo(arguments=["--wiredTigerJournalCompressor", "none"])
    async with AsyncMongoClient[dict[str, Any]](server.url) as client:
        options = (await client.admin.command("getCmdLineOpts"))["parsed"]
    assert options["storage"]["wiredTiger"]["engineConfig"]["journalCompressor"] == "none"
    assert options["setParameter"]["transactionLifetimeLimitSeconds"] == "1"


async def test_a_failed_start_shows_the_end_of_the_log(private_servers: PrivateServers) -> None:
    with pytest.raises(LocalServerError, match=r"(?s)status 2\..*unrecognised option '--bogus'"):
        await private_servers.mongo(arguments=["--bogus"])
    with pytest.raises(LocalServerError, match=r"(?s)status 1\..*unknown field .bogus"):
        await private_servers.nats(config="bogus: 1")


PARENT = """
import asyncio, sys
from pathlib import Path
from service.local import start_mongo, start_nats

async def main():
    folder = Path(sys.argv[1])
    servers = [await start(folder, port=0) for start in (start_nats, start_mongo)]
    print(*(server.pid for server in servers), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
async def test_children_end_with_a_killed_parent(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
    assert len(pids) == 2
    parent.kill()
    await parent.wait()
    await eventually(lambda: all(is_gone(pid) for pid in pids))
    # Their data are free for the next.
    for case in CASES.values():
        await (await case.start(tmp_path, port=0)).stop()


async def test_a_given_server_is_left_running(server: LocalServer) -> None:
    given = GivenServer(server.url)
    assert given.origin == "given by URL"
    await given.stop()
    assert server.alive


async def test_a_server_in_docker_is_like_any_other(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_docker(program: Program) -> object:
        try:
            return find_container(program.image)
        except Unavailable as reason:
            pytest.skip(str(reason))

    monkeypatch.setattr(f"{case.start.__module__}.find_source", in_docker)
    server = await case.start(tmp_path, port=0)
    try:
        assert server.origin.startswith("Docker image ")
        await case.put(server.url)
        server.kill()
        await server.restart()
        assert await case.look(server.url) == b"still here"
    finally:
        await server.stop()
    assert not server.alive
