"""`client.events`: in order, each event once, settled after it was handled, whatever happens."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import assert_type, get_args

import pytest
from nats.errors import ConnectionClosedError

from schemas.client import Client, UnreadableEvent
from schemas.client.events import STREAM
from schemas.client.known_events import AnyEvent, EventName
from schemas.user import UserEventData, UserSwitchedData
from service import resources
from service.local import LocalServer
from tests.client import EVENT_TYPES, Partner
from tests.eventually import eventually
from tests.schemas.stream import FilledStream, number_of, numbers, read, revoked


def test_the_stream_has_the_name_that_the_service_gives_it() -> None:
    assert STREAM == resources.STREAM
    assert set(get_args(EventName)) == set(EVENT_TYPES)


async def test_events_of_a_worker_have_types(partner: Partner) -> None:
    """The type of an event tells the shape of its data."""
    client = Client(partner.deployment.nats, partner.name)
    id = await partner.user()
    await partner.ask("user.deactivate", {"user_id": id, "reason": "left"})
    types: list[EventName] = ["user.created", "user.deactivated"]
    async with client.events(f"{partner.name}-types", *types, aggregate=id) as events:
        created = await anext(events)
        assert_type(created, AnyEvent)
        assert created.type == "user.created"
        assert_type(created.data, UserEventData)
        assert isinstance(created.data["user"]["created_at"], datetime)
        assert (created.partner, created.aggregate, created.version) == (partner.name, id, 1)
        deactivated = await anext(events)
        if deactivated.type == "user.deactivated":
            assert_type(deactivated.data, UserSwitchedData)
            assert deactivated.data["reason"] == "left"
        else:
            pytest.fail(deactivated.type)


async def test_from_the_start_then_what_comes(client: Client, stream: FilledStream) -> None:
    await stream.publish(1, 2)
    async with client.events("reader") as events:
        assert await numbers(events, 2) == [1, 2]
        waiting = asyncio.ensure_future(anext(events))
        await stream.publish(3)
        assert number_of(await waiting) == 3


async def test_another_one_goes_on_after_the_last_handled(
    client: Client, stream: FilledStream
) -> None:
    await stream.publish(1, 2, 3, 4)
    assert await read(client, 2) == [1, 2]
    assert await read(client, 2) == [3, 4]
    assert await read(client, 4, "someone-else") == [1, 2, 3, 4]


async def test_what_failed_comes_again_and_first(client: Client, stream: FilledStream) -> None:
    await stream.publish(1, 2, 3)

    async def handle_badly() -> None:
        async with client.events("reader") as events:
            async for event in events:
                1 // (2 - number_of(event))

    with pytest.raises(ZeroDivisionError):
        await handle_badly()
    assert await read(client, 2) == [2, 3]


async def test_a_reader_that_is_cancelled_ends(client: Client, stream: FilledStream) -> None:
    """Whenever that is, also as an event comes; the next one has it at once, and in order."""
    seen: list[int] = []
    last = 200

    async def follow() -> None:
        async with client.events("reader") as events:
            while True:
                seen.append(number_of(await anext(events)))

    publishing = asyncio.ensure_future(stream.publish(*range(1, last + 1)))
    while last not in seen:
        before = len(seen)
        reading = asyncio.ensure_future(follow())
        await eventually(lambda: len(seen) > before + 1 or last in seen)  # noqa: B023  # at once
        reading.cancel()
        await eventually(reading.done)
        assert reading.cancelled()
    await publishing
    assert list(dict.fromkeys(seen)) == list(range(1, last + 1))


async def test_what_was_taken_over_is_not_handled_late(
    client: Client, stream: FilledStream
) -> None:
    """An event that came for somebody who had stopped waiting, and that another has had since."""
    async with client.events("reader", takeover=0.5) as slow:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(slow), 0.1)
        await stream.publish(1, 2, 3)
        async with client.events("reader", takeover=0.5) as quick:
            assert await numbers(quick, 2) == [1, 2]
        assert await numbers(slow, 1) == [3]


async def test_only_one_can_wait_for_the_next(client: Client, stream: FilledStream) -> None:
    async with client.events("reader") as events:
        first, second = (asyncio.ensure_future(anext(events)) for _ in range(2))
        await asyncio.sleep(0)
        await stream.publish(1)
        assert number_of(await first) == 1
        with pytest.raises(RuntimeError, match="only one at a time"):
            await second


async def test_where_a_new_reader_begins(client: Client, stream: FilledStream) -> None:
    await stream.publish(1)
    async with client.events("from-now", since="now") as events:
        await stream.publish(2)
        assert await numbers(events, 1) == [2]
    assert await read(client, 1, "from-then", since=datetime(2026, 1, 1, tzinfo=UTC)) == [1]


async def test_only_what_is_wanted(client: Client, stream: FilledStream) -> None:
    """Of the partner, of the types, of the aggregate."""
    await stream.publish(1)
    await stream.publish(2, partner="other")
    await stream.publish_raw("evt.user.acme.1.created", b"not wanted, so not read")
    await stream.publish(3)
    wanted: list[EventName] = ["token.revoked", "user.updated"]
    async with client.events("some", *wanted) as events:
        assert await numbers(events, 2) == [1, 3]
    assert await read(client, 1, "one", aggregate=revoked(3)["subject"]) == [3]
    async with client.events("everyone", "token.revoked", partner="*") as events:
        assert await numbers(events, 3) == [1, 2, 3]


async def test_duplicates_are_dropped(client: Client, stream: FilledStream) -> None:
    """Events published again, right away and much later."""
    await stream.publish(1, 1, 2, 1, 2, 3, 3, 1, 4)
    assert await read(client, 4) == [1, 2, 3, 4]


async def test_duplicates_of_what_another_process_handled_are_dropped(
    client: Client, stream: FilledStream
) -> None:
    """The reader knows again what stands in the stream before its place."""
    await stream.publish(1, 2, 3)
    assert await read(client, 3) == [1, 2, 3]
    await stream.publish(3, 1, 2, 4)
    assert await read(client, 1) == [4]
    jetstream = client.connection.jetstream()
    assert [each.name for each in await jetstream.consumers_info(STREAM)] == ["reader"]


async def test_nats_restarted(client: Client, stream: FilledStream, server: LocalServer) -> None:
    """While one waits, and while one handles an event."""
    await stream.publish(1, 2)
    async with client.events("reader") as events:
        assert number_of(await anext(events)) == 1
        await server.restart()
        assert number_of(await anext(events)) == 2
        waiting = asyncio.ensure_future(anext(events))
        server.kill()
        await server.start()
        await eventually(lambda: client.connection.is_connected)
        await stream.publish(3, 4)
        assert number_of(await waiting) == 3
        assert number_of(await anext(events)) == 4


async def test_a_lost_consumer_is_made_anew_where_it_was(
    client: Client, stream: FilledStream
) -> None:
    """Whether it was lost while somebody waited, or while an event was handled."""
    await stream.publish(1, 2)
    jetstream = client.connection.jetstream()
    async with client.events("reader") as events:
        assert await numbers(events, 1) == [1]
        await jetstream.delete_consumer(STREAM, "reader")
        assert await numbers(events, 1) == [2]
        waiting = asyncio.ensure_future(anext(events))
        await eventually(lambda: events._subscription is not None)
        await jetstream.delete_consumer(STREAM, "reader")
        await stream.publish(3)
        assert number_of(await waiting) == 3


async def test_a_stream_made_anew_is_read_from_its_start(
    client: Client, stream: FilledStream
) -> None:
    """Its places are others; what was handled in the one from before is known by its id."""
    await stream.publish(1, 2, 3)
    async with client.events("reader") as events:
        assert await numbers(events, 3) == [1, 2, 3]
        await client.connection.jetstream().delete_stream(STREAM)
        await stream.make()
        await stream.publish(2, 4)
        assert await numbers(events, 1) == [4]


async def test_a_stream_made_anew_is_all_new_to_who_began_now(
    client: Client, stream: FilledStream
) -> None:
    """Who was there before loses none of it."""
    await stream.publish(1)
    async with client.events("reader", since="now") as events:
        await stream.publish(2)
        assert await numbers(events, 1) == [2]
        await client.connection.jetstream().delete_stream(STREAM)
        await stream.make()
        await stream.publish(3)
        assert await numbers(events, 1) == [3]


async def test_a_consumer_lost_before_its_first_event_loses_none(
    client: Client, stream: FilledStream
) -> None:
    await stream.publish(1)
    async with client.events("reader", since="now") as events:
        await client.connection.jetstream().delete_consumer(STREAM, "reader")
        await stream.publish(2)
        assert await numbers(events, 1) == [2]


async def test_a_long_handling_is_not_taken_over(client: Client, stream: FilledStream) -> None:
    """Another process waits for as long as the first one lives."""
    await stream.publish(1, 2)
    async with (
        client.events("shared", takeover=0.3) as first,
        client.events("shared", takeover=0.3) as second,
    ):
        assert number_of(await anext(first)) == 1
        waiting = asyncio.ensure_future(anext(second))
        await asyncio.sleep(1.0)
        assert not waiting.done()
        handled = asyncio.ensure_future(anext(first))
        done, _ = await asyncio.wait([waiting, handled], return_when=asyncio.FIRST_COMPLETED)
        assert [number_of(each.result()) for each in done] == [2]
        for each in (waiting, handled):
            each.cancel()


READER = """
import asyncio, sys
from schemas.client import Client

async def main(url):
    async with Client.connected(url, "acme") as client:
        async with client.events("shared", takeover=0.5) as events:
            async for event in events:
                print(event.data["client_id"], flush=True)
                if event.data["client_id"] == "2":
                    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1]))
"""


async def test_a_process_killed_while_handling(
    client: Client, stream: FilledStream, server: LocalServer
) -> None:
    """What it had is given to the next one, and before anything newer."""
    await stream.publish(1, 2, 3)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READER, server.url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert [await process.stdout.readline() for _ in range(2)] == [b"1\n", b"2\n"]
    process.kill()
    await process.wait()
    assert await read(client, 2, "shared", takeover=0.5) == [2, 3]


async def test_what_cannot_be_read_ends_the_iteration(client: Client, stream: FilledStream) -> None:
    """Lest it be lost unseen; or it is told, and left out."""
    unknown = revoked(2) | {"dataschema": "urn:svc-user:schema:token.revoked:2"}
    await stream.publish(1)
    await stream.publish_raw("evt.token.acme.x.revoked", json.dumps(unknown).encode())
    await stream.publish_raw("evt.token.acme.x.revoked", b"\xff")
    await stream.publish(4)
    with pytest.raises(UnreadableEvent):
        await read(client, 2)
    told: list[UnreadableEvent] = []
    assert await read(client, 1, takeover=0.2, unreadable=told.append) == [4]
    assert [error.sequence for error in told] == [2, 3]


async def test_a_change_of_mind_keeps_the_place(client: Client, stream: FilledStream) -> None:
    """The same reader, of other types from now on."""
    await stream.publish(1, 2)
    assert await read(client, 1) == [1]
    async with client.events("reader", "token.revoked", takeover=5) as events:
        assert await numbers(events, 1) == [2]


async def test_it_is_to_be_opened_first(client: Client) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await anext(client.events("reader"))


@pytest.mark.parametrize("durable", ["", "a.b", "a b", "*"])
def test_what_is_no_durable(durable: str) -> None:
    with pytest.raises(ValueError, match="a durable"):
        Client.__new__(Client).events(durable, partner="acme")


async def test_a_closed_client_ends_it(server: LocalServer, stream: FilledStream) -> None:
    async with Client.connected(server.url, "acme") as other, other.events("reader") as events:
        waiting = asyncio.ensure_future(anext(events))
        await eventually(lambda: events._subscription is not None)
        await other.connection.close()
        with pytest.raises(ConnectionClosedError):
            await waiting
