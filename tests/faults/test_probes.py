"""What the probes of a worker say while MongoDB is frozen, and while it ends."""

import asyncio

from service.local.ports import free_port
from service.monitor.health import OK
from tests.eventually import eventually
from tests.faults.house import House
from tests.faults.load import Load
from tests.monitor.web import get, is_ready


async def test_probes(house: House) -> None:
    """Not ready without MongoDB, nor from SIGTERM on; and alive until the last request is answered.

    The end is with status 0, after the request that was under way has its answer.
    """
    port = free_port()
    worker = await house.worker(http_port=port)
    load = Load(house.bus, house.token)
    await load.prepare()
    await eventually(lambda: is_ready(port))

    house.mongo.freeze()

    async def missed() -> bool:
        return (await get(port, "/readyz")).checks["mongo"] == "does not answer"

    await eventually(missed)
    assert (await get(port, "/healthz")).status == 200

    asked = asyncio.create_task(load.ask("user.list", {"limit": 1}))
    await eventually(lambda: _in_flight(port))
    stopped = asyncio.create_task(worker.stop())

    async def draining() -> bool:
        ready = await get(port, "/readyz")
        return ready.status == 503 and "draining" in ready.checks

    await eventually(draining, within=2)
    assert not asked.done()
    live = await get(port, "/healthz")
    assert (live.status, live.checks) == (200, {"loop": OK, "parts": OK})
    assert (await asked).status == 503
    house.mongo.thaw()
    assert await stopped == 0


async def _in_flight(port: int) -> bool:
    return b'in_flight{state="running"} 1.0' in (await get(port, "/metrics")).body
