"""Replaying the event log: whatever the stream has lost it has again, once, in order."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.bus.replay import Progress, Replay
from service.resources import STREAM, ensure_stream, open_mongo
from service.settings import read_settings
from tests.client import Partner, events_on
from tests.deployment import Deploy, Deployment
from tests.eventually import eventually
from tests.faults.audit import Told, whole_stream
from tests.faults.house import WINDOW_SECONDS
from tests.privacy import people
from tests.privacy.traces import erase, in_stream


class CutOff(Exception):
    """In the place of a Ctrl-C."""


@pytest.fixture
async def deployment(deploy: Deploy) -> Deployment:
    """A worker with a stream of its own."""
    return await deploy(1, sweep_seconds=0.2, sweep_age_seconds=0.3)


@pytest.fixture
def partner(deployment: Deployment) -> Partner:
    """A partner of it."""
    return Partner(deployment)


async def replay(
    deployment: Deployment,
    *,
    cut_off_after: int | None = None,
    before_purge: Callable[[], Awaitable[None]] | None = None,
) -> Progress:
    """Replay; cut it off after so many events, or do something before it purges first."""
    settings = read_settings(
        mongo_uri=deployment.mongo_uri, mongo_database=deployment.database.name
    )
    mongo, jetstream = open_mongo(settings), deployment.nats.jetstream()
    # What the stream still knows by then, it would know for the two minutes that are set now.
    await asyncio.sleep(3 * WINDOW_SECONDS)
    await ensure_stream(jetstream, settings)
    work = Replay(mongo, jetstream, STREAM, None)
    publish = work._publish

    async def publish_and_count(*arguments: Any) -> int:
        if cut_off_after is not None and work.progress.told >= cut_off_after:
            raise CutOff
        return await publish(*arguments)

    purge = work._events.purge

    async def purge_later(*arguments: Any) -> None:
        nonlocal before_purge
        if before_purge is not None:
            meanwhile, before_purge = before_purge, None
            await meanwhile()
        await purge(*arguments)

    work._events.purge = purge_later  # type: ignore[method-assign,assignment]  # waits
    work._publish = publish_and_count  # type: ignore[method-assign,assignment]  # counts
    try:
        return await work.run(lambda _: None)
    finally:
        await mongo.close()


def by_aggregate(stream: list[Told]) -> dict[str, list[tuple[str, str, bytes]]]:
    """Each aggregate's events as they stand in the stream: subject, id and body."""
    found = defaultdict(list)
    for each in stream:
        service = each.subject.split(".")[1]
        found[f"{service} {each.event['subject']}"].append(
            (each.subject, each.message_id, each.body)
        )
    return dict(found)


async def forget_message_ids(deployment: Deployment) -> None:
    """Let the stream know the ids of what it takes from now on for a moment only."""
    jetstream = deployment.nats.jetstream()
    config = (await jetstream.stream_info(STREAM)).config
    await jetstream.update_stream(config.evolve(duplicate_window=WINDOW_SECONDS))


async def lived_in(partner: Partner) -> None:
    """Some of everything, told of and logged."""
    await people.busy_user(partner)
    await people.household(partner)
    gone = await people.busy_user(partner)
    assert (await erase(partner, gone.id)).done
    await all_logged(partner.deployment)


async def all_logged(deployment: Deployment) -> None:
    """Return when every event is in the log, and in no outbox any more."""
    database = deployment.database

    async def nothing_waits() -> bool:
        names = await database.list_collection_names()
        counts = [await database[n].count_documents({"outbox.0": {"$exists": True}}) for n in names]
        return sum(counts) == 0

    await eventually(nothing_waits)


async def test_an_empty_stream_gets_all_that_there_was(partner: Partner) -> None:
    """The same events, in the same order for each aggregate, once each; and life goes on."""
    deployment = partner.deployment
    await lived_in(partner)
    before = await whole_stream(deployment.nats)
    await deployment.nats.jetstream().delete_stream(STREAM)
    done = await replay(deployment)
    assert (done.told, done.given_up) == (len(before), 0)
    after = await whole_stream(deployment.nats)
    assert by_aggregate(after) == by_aggregate(before)
    assert len(after) == len(before)
    assert (await replay(deployment)).told == 0
    last = {f"{each.subject.split('.')[1]} {each.event['subject']}": each.seq for each in after}
    async for user in deployment.database["users"].find():
        assert user["stream_seq"] == last[f"user {user['_id']}"]
    user_id = await partner.user()
    assert (await partner.ask("user.update", {"user_id": user_id, "title": "Prof"})).done
    assert len(await partner.events(user_id, 2)) == 2


async def test_what_is_told_while_it_takes_out(partner: Partner) -> None:
    """An event that comes between the look into the stream and the purge is in it afterwards."""
    deployment = partner.deployment
    await forget_message_ids(deployment)
    user_id = await partner.user()

    async def change(title: str) -> None:
        assert (await partner.ask("user.update", {"user_id": user_id, "title": title})).done
        await all_logged(deployment)

    await change("Prof")
    first = (await whole_stream(deployment.nats))[-2]
    assert first.event["subject"] == user_id
    await deployment.nats.jetstream().delete_msg(STREAM, first.seq)

    async def meanwhile() -> None:
        await forget_message_ids(deployment)  # the replay had set the stream up as it should be
        await change("Dr")

    done = await replay(deployment, before_purge=meanwhile)
    assert done.given_up == 0
    events = await partner.events(user_id, 3)
    assert [event["aggregateversion"] for event in events] == [1, 2, 3]


@pytest.mark.parametrize("after", [1, 7, 20])
async def test_cut_off_and_begun_again(partner: Partner, after: int) -> None:
    """What was told by then stays, and is not told again."""
    deployment = partner.deployment
    await lived_in(partner)
    before = by_aggregate(await whole_stream(deployment.nats))
    await deployment.nats.jetstream().delete_stream(STREAM)
    with pytest.raises(CutOff):
        await replay(deployment, cut_off_after=after)
    await replay(deployment)
    assert by_aggregate(await whole_stream(deployment.nats)) == before


async def test_a_lost_tail_is_told_again(partner: Partner) -> None:
    """As after a power cut: the last events of some aggregates are gone."""
    deployment = partner.deployment
    await forget_message_ids(deployment)
    await lived_in(partner)
    stream, jetstream = await whole_stream(deployment.nats), deployment.nats.jetstream()
    before = by_aggregate(stream)
    for each in stream[len(stream) // 2 :]:
        await jetstream.delete_msg(STREAM, each.seq)
    await replay(deployment)
    assert by_aggregate(await whole_stream(deployment.nats)) == before


async def test_what_was_told_since_keeps_its_place(partner: Partner) -> None:
    """The stream was lost, and workers told of newer changes: the older come before them again."""
    deployment, jetstream = partner.deployment, partner.deployment.nats.jetstream()
    await forget_message_ids(deployment)
    user_id = await partner.user()
    for title in ("One", "Two"):
        assert (await partner.ask("user.update", {"user_id": user_id, "title": title})).done
    await all_logged(deployment)
    await jetstream.purge_stream(STREAM)
    assert (await partner.ask("user.update", {"user_id": user_id, "title": "Three"})).done

    async def told() -> bool:
        found = await events_on(deployment, f"evt.user.{partner.name}.{user_id}.>")
        return [each["aggregateversion"] for each in found] == [4]

    await eventually(told)
    await replay(deployment)
    assert len(await partner.events(user_id, 4)) == 4


async def test_a_sequence_of_the_lost_stream_tells_nothing_twice(partner: Partner) -> None:
    """Also where the same number belongs to another event of the aggregate in the new stream."""
    deployment, jetstream = partner.deployment, partner.deployment.nats.jetstream()
    user_id = await partner.user()
    assert (await partner.ask("user.update", {"user_id": user_id, "title": "One"})).done
    await all_logged(deployment)
    await jetstream.delete_stream(STREAM)
    await replay(deployment)
    [first, _] = [
        each for each in await whole_stream(deployment.nats) if each.event["subject"] == user_id
    ]
    # As it would be had the old stream had the last event where the new one has the first.
    await deployment.database["users"].update_one(
        {"_id": user_id}, {"$set": {"stream_seq": first.seq}}
    )
    await replay(deployment)
    assert (await partner.ask("user.update", {"user_id": user_id, "title": "Two"})).done
    assert len(await partner.events(user_id, 3)) == 3


async def test_the_erased_do_not_come_back(partner: Partner) -> None:
    """What is told of them is that they were erased."""
    deployment = partner.deployment
    gone = await people.busy_user(partner)
    assert (await erase(partner, gone.id)).done
    await all_logged(deployment)
    await deployment.nats.jetstream().delete_stream(STREAM)
    await replay(deployment)
    assert await in_stream(deployment, gone.values) == []
    [event] = await events_on(deployment, f"evt.*.{partner.name}.{gone.id}.>")
    assert event["type"] == "user.erased"
