"""The event stream is deleted, or has lost what it had taken: the workers go on."""

from service.resources import STREAM
from tests.faults.audit import all_told, settled_books, waiting, whole_stream
from tests.faults.house import House
from tests.faults.load import Load, loaded

STRIDE = 100


async def told_of(house: House, user_id: str) -> list[int]:
    """The versions of a user that the stream tells of, in its order."""
    stream = await whole_stream(house.bus)
    return [each.event["aggregateversion"] for each in stream if each.event["subject"] == user_id]


async def test_stream_deleted(house: House) -> None:
    """The sweep makes the stream anew, and what came meanwhile is told, once and in order."""
    await house.two_workers()
    async with loaded(house) as load:
        await load.progress(STRIDE)
        await house.bus.jetstream().delete_stream(STREAM)
        await load.progress(STRIDE)
    assert set(load.outcomes) <= {"acknowledged", "refused"}
    books = await settled_books(house, load)
    whole = {id: list(range(1, each["version"] + 1)) for id, each in books.documents.items()}
    assert books.versions_logged() == whole
    told = books.versions_told()
    assert len(told) > STRIDE / 2
    # Of each aggregate what was told before is lost, and all that came after is there.
    assert told == {id: whole[id][-len(versions) :] for id, versions in told.items()}


async def test_stream_cannot_be_made(house: House) -> None:
    """While something is in the stream's place, events wait; then they are told."""
    await house.worker()
    jetstream = house.bus.jetstream()
    load = Load(house.bus, house.token)
    await load.prepare()
    user_id = await load.create()
    await all_told(house)

    await jetstream.delete_stream(STREAM)
    await jetstream.add_stream(name="OTHER", subjects=["evt.business.>"])
    await load.update(user_id)
    await load.update(user_id)
    assert await waiting(house) == 1
    await jetstream.delete_stream("OTHER")
    await all_told(house)
    assert await told_of(house, user_id) == [2, 3]


async def test_messages_lost(house: House) -> None:
    """A user whose last event the stream has lost, or all of them, is told of from there on."""
    await house.worker()
    load = Load(house.bus, house.token)
    await load.prepare()
    forgotten, shortened = await load.create(), await load.create()
    await load.update(forgotten)
    await load.update(shortened)
    await all_told(house)

    jetstream = house.bus.jetstream()
    await jetstream.purge_stream(STREAM, subject=f"evt.user.*.{forgotten}.>")
    last = await jetstream.get_last_msg(STREAM, f"evt.user.*.{shortened}.>")
    assert last.seq is not None
    await jetstream.delete_msg(STREAM, last.seq)

    for user_id in (forgotten, shortened):
        await load.update(user_id)
        await load.update(user_id)
    await all_told(house)
    assert await told_of(house, forgotten) == [3, 4]
    assert await told_of(house, shortened) == [1, 3, 4]
