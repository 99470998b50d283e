"""A connection to NATS that is lost with a publish, or the answer to it, on its way."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.eventually import eventually
from tests.faults.audit import all_told, audited
from tests.faults.house import House
from tests.faults.load import PATIENCE_SECONDS, Load, loaded
from tests.faults.proxy import Proxy, proxy_before

STRIDE = 50
MOST_CUTS = 30
"""Of which one is to hit a request that is under way."""
PUBLISH = b"HPUB evt.user."
ACKNOWLEDGEMENT = b'{"stream":'


async def publish_lost(proxy: Proxy) -> None:
    """The publish never reaches the server."""
    proxy.hold_outward(PUBLISH)
    await proxy.on_hold.wait()
    proxy.cut()


async def acknowledgement_lost(proxy: Proxy) -> None:
    """The server has the publish, and the worker does not hear of it."""
    proxy.hold_inward(ACKNOWLEDGEMENT)
    await proxy.on_hold.wait()
    proxy.cut()


async def publish_late(proxy: Proxy) -> None:
    """The worker connects anew while the publish is still under way to the server."""
    proxy.hold_outward(PUBLISH)
    await proxy.on_hold.wait()
    proxy.hang_up()


@pytest.mark.parametrize("fault", [publish_lost, acknowledgement_lost, publish_late])
async def test_publish_over_a_reconnect(
    house: House, fault: Callable[[Proxy], Awaitable[None]]
) -> None:
    """The event is told once, whether or not the publish of before the reconnect arrived."""
    async with proxy_before(house.nats.port) as proxy:
        await house.worker(nats_url=proxy.url)
        await house.forget_message_ids()
        load = Load(house.bus, house.token, within=0.5)
        await load.prepare()
        user_id = await load.create()
        await all_told(house)

        async with asyncio.TaskGroup() as both:
            both.create_task(asyncio.wait_for(fault(proxy), PATIENCE_SECONDS))
            both.create_task(load.update(user_id))
        await load.update(user_id)
        await all_told(house)
        await house.window_passes()
        proxy.release()
        await load.update(user_id)
        assert await audited(house, load) == []


@pytest.mark.parametrize(
    "complaint",
    ["User Authentication Expired", "Authorization Violation", "Maximum Payload Violation"],
)
async def test_server_complains(house: House, complaint: str) -> None:
    """The worker connects anew, goes on serving, and has said why."""
    async with proxy_before(house.nats.port) as proxy:
        worker = await house.worker(nats_url=proxy.url)
        load = Load(house.bus, house.token, within=0.5)
        await load.prepare()
        proxy.say_inward(b"-ERR '%b'\r\n" % complaint.encode())
        await eventually(lambda: b"nats_reconnected" in worker.log.read_bytes())
        assert await load.create()
    assert worker.alive
    lines = worker.log.read_text().splitlines()
    [told] = [line for line in lines if "nats_complained" in line]
    assert complaint.lower() in told


async def test_connections_cut_under_load(house: House, rounds: int) -> None:
    """Wherever in their work the workers are cut off, they find out where they were."""
    async with proxy_before(house.nats.port) as proxy:
        await house.two_workers(nats_url=proxy.url)
        await house.forget_message_ids()
        async with loaded(house) as load:
            cuts = 0
            while cuts < 2 * rounds or (not load.outcomes["unanswered"] and cuts < MOST_CUTS):
                await load.progress(STRIDE)
                proxy.cut()
                load.recovering()
                cuts += 1
        assert load.outcomes["unanswered"] > 0, "no cut hit a request"
        assert await audited(house, load) == []
