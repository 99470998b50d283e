"""`svc-user watch`: the events one asks for, each once, in order, over whatever happens."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import nats
import pytest
from nats.aio.client import Client
from typer import BadParameter

from schemas.heeding import heeding
from service.command.watch import Follower, last_sequence, subject_for
from service.local import LocalServer
from service.resources import STREAM, ensure_stream
from service.settings import read_settings
from tests.cli.conftest import Invoke
from tests.cli.program import Program, environment
from tests.eventually import eventually
from tests.servers import PrivateServers

NO_JETSTREAM = """
authorization { users: [{user: p, password: p, permissions: {publish: {deny: ["$JS.>"]}}}] }
no_auth_user: p
"""
USER = "0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d"


@pytest.mark.parametrize(
    ("wanted", "partner", "subject"),
    [
        ("*", None, "evt.*.*.*.*"),
        ("user", None, "evt.user.*.*.*"),
        ("user.*", "acme", "evt.user.acme.*.*"),
        ("user.created", None, "evt.user.*.*.created"),
        ("*.created", None, "evt.*.*.*.created"),
        (USER, "acme", f"evt.*.acme.{USER}.*"),
    ],
)
def test_a_filter_is_a_subject(wanted: str, partner: str | None, subject: str) -> None:
    assert subject_for(wanted, partner) == subject


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "user.",
        "user.created.x",
        "User",
        "evt.>",
        USER.upper(),
        "user.create",
        "users",
        "*.crated",
    ],
)
def test_what_is_no_filter_is_refused(wanted: str) -> None:
    with pytest.raises(BadParameter):
        subject_for(wanted, None)


def test_an_event_that_is_none_is_answered_with_those_near() -> None:
    with pytest.raises(BadParameter, match=r"no event user\.create\..*user\.created"):
        subject_for("user.create", None)


async def test_events_from_the_start_as_json(invoke: Invoke, dev_dir: Path) -> None:
    """Of one aggregate, by its id: the first, and then what comes while it watches."""
    made = await invoke(
        *("call", "entity.create", "--partner", "watched"),
        '{"entity_type": "business", "registration_number": "1", "trading_name": "Seen"}',
        *("--data-dir", dev_dir),
    )
    id = json.loads(made.stdout)["entityId"]
    watching = await Program.start(
        "watch", id, "--json", "--from-start", "--data-dir", str(dev_dir)
    )
    event = json.loads(await watching.line_with(id))
    assert (event["type"], event["aggregateversion"]) == ("business.created", 1)
    assert event["data"]["business"]["name"] == "Seen"
    watching.send(signal.SIGINT)
    assert await watching.ended() == 0


async def test_an_event_is_a_line_to_read(invoke: Invoke, dev_dir: Path) -> None:
    watching = await Program.start("watch", "--partner", "read", "--data-dir", str(dev_dir))
    await watching.error_line_with("Watching")
    made = await invoke(
        *("call", "entity.create", "--partner", "read"),
        '{"entity_type": "business", "registration_number": "1", "trading_name": "Seen"}',
        *("--data-dir", dev_dir),
    )
    id = json.loads(made.stdout)["entityId"]
    line = await watching.line_with(id)
    for text in ("business.created", "read", "v1", "registration_number, trading_name"):
        assert text in line
    assert await watching.stop() == 0


@pytest.fixture
async def server(private_servers: PrivateServers) -> LocalServer:
    """A nats-server with the event stream."""
    server = await private_servers.nats()
    async with await nats.connect(server.url) as client:
        await ensure_stream(client.jetstream(), read_settings())
    return server


@pytest.fixture
async def client(server: LocalServer) -> AsyncIterator[Client]:
    async with await nats.connect(server.url, reconnect_time_wait=0.05) as client:
        yield client


async def publish(client: Client, *numbers: int) -> None:
    """Publish events that differ by a number."""
    for number in numbers:
        event = {"id": str(uuid4()), "number": number}
        subject = f"evt.user.acme.{USER}.updated"
        await client.jetstream().publish(subject, json.dumps(event).encode(), timeout=10)


async def watch(server: LocalServer, *options: str) -> Program:
    """A `watch` that has its place in the stream."""
    watching = await Program.start(
        "watch", "--json", *options, env=environment(SVC_USER_NATS_URL=server.url)
    )
    await watching.error_line_with("Watching")
    return watching


def numbers(watching: Program) -> list[int]:
    return [json.loads(line)["number"] for line in watching.lines if line.startswith("{")]


async def test_who_follows_can_be_cancelled(client: Client, server: LocalServer) -> None:
    """Whenever that is, also in the moment in which an event comes."""

    async def publish_for_ever() -> None:
        while True:
            with heeding():
                await publish(client, 0)

    async def follow(seen: asyncio.Event) -> None:
        async with await nats.connect(server.url) as own:
            follower = Follower("evt.>", after=await last_sequence(own.jetstream()))
            async for _ in follower.messages(own):
                seen.set()

    publishing = asyncio.ensure_future(publish_for_ever())
    for turns in range(0, 600, 5):
        seen = asyncio.Event()
        following = asyncio.ensure_future(follow(seen))
        await seen.wait()
        for _ in range(turns):  # of the loop: a while, in which the next event may come
            await asyncio.sleep(0)
        following.cancel()
        await eventually(following.done)
        assert following.cancelled()
    publishing.cancel()
    await eventually(publishing.done)


@pytest.mark.parametrize("seen_before", [True, False])
async def test_a_reconnect_neither_doubles_nor_loses_an_event(
    server: LocalServer, client: Client, seen_before: bool
) -> None:
    """Whether or not an event has come before it; what came before the watch stays unseen."""
    await publish(client, 1, 2)
    watching = await watch(server)
    if seen_before:
        await publish(client, 3, 4)
        await watching.line_with('"number": 4')
    server.kill()
    await watching.error_line_with("NATS is away")
    await server.start()
    await publish(client, 5, 6)
    await watching.line_with('"number": 6')
    assert numbers(watching) == ([3, 4, 5, 6] if seen_before else [5, 6])
    assert await watching.stop() == 0


@pytest.mark.parametrize("again", [(4, 5), (4, 5, 6, 7)], ids=["shorter", "longer"])
async def test_a_stream_made_anew_is_read_from_its_start(
    server: LocalServer, client: Client, again: tuple[int, ...]
) -> None:
    """Whether or not it has come as far by then as the one before."""
    await publish(client, 1, 2)
    watching = await watch(server)
    await publish(client, 3)
    await watching.line_with('"number": 3')
    await client.jetstream().delete_stream(STREAM)
    await ensure_stream(client.jetstream(), read_settings())
    await publish(client, *again)
    await watching.line_with(f'"number": {again[-1]}')
    assert numbers(watching) == [3, *again]
    assert await watching.stop() == 0


async def test_without_jetstream_it_says_what_to_do(private_servers: PrivateServers) -> None:
    """As where a partner's credentials are given to it."""
    server = await private_servers.nats(config=NO_JETSTREAM)
    watching = await Program.start("watch", env=environment(SVC_USER_NATS_URL=server.url))
    assert await watching.ended() == 3
    assert "SVC_USER_NATS_CREDS" in watching.text


async def test_without_a_stream_it_says_who_makes_it(private_servers: PrivateServers) -> None:
    server = await private_servers.nats()
    watching = await Program.start("watch", env=environment(SVC_USER_NATS_URL=server.url))
    assert await watching.ended() == 2
    assert "SVC_USER_EVENTS" in watching.text
