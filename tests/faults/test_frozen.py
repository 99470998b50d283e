"""A worker that is frozen for long, and then goes on as if nothing had happened."""

import asyncio

from service.auth.scopes import TokenUse
from tests.eventually import eventually
from tests.faults.audit import all_told, audited
from tests.faults.house import House
from tests.faults.load import Load, loaded
from tests.faults.proxy import proxy_before

STRIDE = 50
ASKED = 24
"""Requests at once of which each of two workers gets some."""
TOKENS_DIE_SECONDS = 5.0
PUBLISH = b"HPUB evt.user."


async def test_frozen_with_a_publish_in_hand(house: House) -> None:
    """What it was about to publish, others have published meanwhile: the stream refuses it."""
    async with proxy_before(house.nats.port) as proxy:
        frozen = await house.worker(nats_url=proxy.url)
        await house.worker()
        await house.forget_message_ids()
        load = Load(house.bus, house.token, within=0.5)
        await load.prepare()
        user_id = await load.create()
        await all_told(house)

        proxy.hold_outward(PUBLISH)
        while not proxy.on_hold.is_set():  # either worker may get a request
            await load.update(user_id)
        frozen.freeze()
        held = proxy.held
        await all_told(house)
        await load.update(user_id)
        await all_told(house)
        await house.window_passes()

        proxy.release()
        frozen.thaw()
        for _ in range(STRIDE):
            await load.update(user_id)
    assert user_id.encode() in held
    assert await audited(house, load) == []


async def test_frozen_under_load(house: House, rounds: int) -> None:
    """Whatever it was doing: what others have finished for it is not done again."""
    workers = await house.two_workers()
    await house.forget_message_ids()
    async with loaded(house) as load:
        for number in range(rounds):
            frozen = workers[number % len(workers)]
            await load.progress(STRIDE)
            frozen.freeze()
            await load.hears("unanswered")
            await load.progress(STRIDE)
            await house.window_passes()
            frozen.thaw()
    assert await audited(house, load) == []


async def test_frozen_while_a_token_dies(house: House) -> None:
    """What a worker remembers of a token is no older when it wakes than it may be otherwise."""
    frozen, _ = await house.two_workers()
    load = Load(house.bus, house.token, within=0.5)
    await load.prepare()
    user_id = await load.create()
    token, patient = house.token_of(user_id, TokenUse.USER), Load(house.bus, house.token)

    async def me() -> set[int]:
        asked = (patient.ask("user.me", {}, token=token) for _ in range(ASKED))
        return {answer.status for answer in await asyncio.gather(*asked)}

    assert await me() == {200}
    frozen.freeze()
    await load.change("user.deactivate", {"user_id": user_id})
    await asyncio.sleep(TOKENS_DIE_SECONDS)
    asked = asyncio.create_task(me())
    await eventually(lambda: len(patient.sent) == 2 * ASKED)
    await house.bus.flush()  # now some of them wait for the one that is frozen
    frozen.thaw()
    assert await asked == {401}
