"""`svc-user dev`: one command for all, the same data each time, and nothing left behind."""

import asyncio
import json
import re
import shlex
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import nats
import psutil
import pytest

from tests.cli.program import ROOT, Program, environment, run
from tests.eventually import eventually

StartDev = Callable[..., Awaitable[Program]]

ENDED = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}


@pytest.fixture
async def start_dev(tmp_path: Path) -> AsyncIterator[StartDev]:
    """Starts `svc-user dev` on a folder of this test, on free ports, and ends what is left."""
    started: list[Program] = []

    async def start(*options: str, **variables: str) -> Program:
        started.append(
            await Program.start(
                *("dev", "--data-dir", str(tmp_path), *options), env=environment(**variables)
            )
        )
        return started[-1]

    yield start
    for program in started:
        await program.stop()


FREE_PORTS = ("--nats-port", "0", "--mongo-port", "0")


def is_gone(process: psutil.Process) -> bool:
    try:
        return process.status() in ENDED
    except psutil.NoSuchProcess:
        return True


async def shell(script: str) -> str:
    """What a shell prints that somebody pastes the script into."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-ec", script),
        cwd=ROOT,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, script
    return printed.decode()


async def pasted(program: Program) -> list[str]:
    """The commands that `dev` prints, each in one piece."""
    await program.line_with("Ctrl-C ends it")
    text = program.text.replace("\\\n", "")
    return [line.strip() for line in text.splitlines() if line.startswith("  ")]


async def test_from_start_to_end_and_again(start_dev: StartDev, tmp_path: Path) -> None:
    """The commands it prints work as pasted; SIGTERM ends it all; the data are there next time."""
    dev = await start_dev(*FREE_PORTS)
    ready = await dev.line_with("ready")
    assert re.search(r"nats://127\.0\.0\.1:\d+", ready)
    token, request, call, watch = await pasted(dev)

    # In the place of the nats CLI: what the shell would give it.
    arguments = (await shell(f"nats() {{ printf '%s\\n' \"$@\"; }}\n{token}\n{request}")).split(
        "\n"
    )
    _, _, url, _, header, subject, body, _ = arguments
    async with await nats.connect(url) as client:
        name, _, value = header.partition(": ")
        reply = await client.request(subject, body.encode(), timeout=5, headers={name: value})
    made = [json.loads(reply.data)["entityId"], json.loads(await shell(call))["entityId"]]

    children = dev.children()
    assert len(children) == 2
    assert await dev.stop() == 0
    assert all(is_gone(child) for child in children)

    again = await start_dev(*FREE_PORTS)
    await again.line_with("ready")
    watching = await Program.start(*shlex.split(watch)[3:])
    for id in made:
        await watching.line_with(id)
    assert await watching.stop() == 0
    await again.stop()


async def test_a_kill_leaves_no_orphan_and_no_obstacle(start_dev: StartDev) -> None:
    """A server that is killed, on the other hand, ends it all, and its log is named."""
    dev = await start_dev(*FREE_PORTS)
    await dev.line_with("ready")
    children = dev.children()
    dev.send(signal.SIGKILL)
    await dev.ended()
    await eventually(lambda: all(is_gone(child) for child in children))

    again = await start_dev(*FREE_PORTS)
    await again.line_with("ready")
    nats_server, mongod = sorted(again.children(), key=lambda child: child.name(), reverse=True)
    mongod.kill()
    assert await again.ended() == 2
    assert "mongod.log" in again.text
    assert is_gone(nats_server)


async def test_no_new_key_is_made_beside_data_of_another(
    start_dev: StartDev, tmp_path: Path
) -> None:
    """With the keys where they were, or named where they are, all goes on."""
    dev = await start_dev(*FREE_PORTS)
    await dev.line_with("ready")
    await dev.stop()
    (tmp_path / "keys").rename(tmp_path / "moved")
    lost = await start_dev(*FREE_PORTS)
    assert await lost.ended() == 2
    assert f"{tmp_path / 'keys/data.json'}, which has sealed them, is not there" in lost.text
    assert not (tmp_path / "keys").exists()
    again = await start_dev(*FREE_PORTS, SVC_USER_KEYS_DIR=str(tmp_path / "moved"))
    await again.line_with("ready")


async def test_a_signal_ends_it_while_it_still_starts(start_dev: StartDev) -> None:
    dev = await start_dev(*FREE_PORTS)
    await dev.line_with("NATS")
    children = dev.children()
    dev.send(signal.SIGINT)
    assert await dev.ended() == 0
    assert all(is_gone(child) for child in children)
    assert "ready" not in dev.text


async def test_a_second_signal_ends_it_at_once(start_dev: StartDev) -> None:
    """Even when a server does not want to end."""
    dev = await start_dev(*FREE_PORTS)
    await dev.line_with("ready")
    children = dev.children()
    for child in children:
        child.suspend()
    dev.send(signal.SIGINT)
    await dev.error_line_with("stopping")
    dev.send(signal.SIGINT)
    assert await dev.ended() == 128 + signal.SIGINT
    assert all(is_gone(child) for child in children)


async def test_it_is_one_to_a_folder(dev_dir: Path) -> None:
    status, text = await run("dev", "--data-dir", str(dev_dir))
    assert status == 2
    assert "Another svc-user dev" in text
    assert "Traceback" not in text


async def test_servers_given_by_url_are_used_and_left_running(
    start_dev: StartDev, nats_url: str, mongo_uri: str, database_name: str
) -> None:
    dev = await start_dev(
        SVC_USER_NATS_URL=nats_url,
        SVC_USER_MONGO_URI=mongo_uri,
        SVC_USER_MONGO_DATABASE=database_name,
    )
    await dev.line_with("ready")
    assert dev.text.count("given by URL") == 2
    assert dev.children() == []
    assert await dev.stop() == 0
    async with await nats.connect(nats_url) as client:
        await client.flush()


async def test_what_is_wrong_is_one_sentence(start_dev: StartDev, nats_url: str) -> None:
    """With what to do about it, and no server left."""
    taken = nats_url.rpartition(":")[2]
    dev = await start_dev("--nats-port", taken)
    assert await dev.ended() == 2
    assert f"port {taken} is in use" in dev.text
    assert "--nats-port" in dev.text
    assert "Traceback" not in dev.text


async def test_a_port_for_a_server_that_is_not_started_is_refused(start_dev: StartDev) -> None:
    dev = await start_dev("--nats-port", "0", SVC_USER_NATS_URL="nats://127.0.0.1:1")
    assert await dev.ended() == 2
    assert "SVC_USER_NATS_URL" in dev.text
