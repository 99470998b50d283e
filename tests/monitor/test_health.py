"""The two probes, over HTTP: what each says of a worker that is well, and of one that is not."""

import asyncio
import time
from pathlib import Path

import pytest

from service.app import Worker
from service.local.ports import free_port
from service.monitor import health
from service.monitor.health import OK
from service.resources import STREAM
from service.settings import WrongSetting, read_settings
from tests.client import Partner
from tests.deployment import Deploy, Deployment
from tests.eventually import eventually
from tests.monitor.conftest import port_of
from tests.monitor.web import get, is_ready
from tests.servers import PrivateServers


async def test_a_worker_that_serves_is_well(deployment: Deployment) -> None:
    port = port_of(deployment.worker)
    await eventually(lambda: is_ready(port))
    live = await get(port, "/healthz")
    assert (live.status, live.checks) == (200, {"loop": OK, "parts": OK})
    assert live.headers["Content-Type"] == "application/json"
    ready = (await get(port, "/readyz")).checks
    assert ready == {"loop": OK, "parts": OK, "nats": OK, "mongo": OK, "stream": OK}


async def test_it_can_be_asked_before_it_serves(deployment: Deployment) -> None:
    """A worker that still waits for its servers lives, and is not ready."""
    port = free_port()
    settings = read_settings(keys_dir=deployment.keys_dir, http_port=port)
    worker = Worker(settings)
    try:
        worker.show()
        assert (await get(port, "/healthz")).status == 200
        ready = await get(port, "/readyz")
        assert ready.status == 503
        assert ready.checks["nats"] == "not connected"
    finally:
        await worker.stop()


async def test_a_loop_that_hangs_is_seen(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """From outside of it: the port has a thread of its own. And that it moves again, too."""
    worker = (await deploy(http_port=free_port())).worker
    port = port_of(worker)
    await eventually(lambda: is_ready(port))
    monkeypatch.setattr(health, "HUNG", 0.5)
    asked = asyncio.get_running_loop().run_in_executor(None, _when_it_hangs, port)
    time.sleep(1.5)  # noqa: ASYNC251  # this is the hanging
    status, checks = await asked
    assert status == 503
    assert checks["loop"].startswith("has not moved for")
    await eventually(lambda: is_ready(port))


def _when_it_hangs(port: int) -> tuple[int, dict[str, str]]:
    time.sleep(1.0)
    reply = asyncio.run(get(port, "/healthz"))
    return reply.status, reply.checks


async def test_a_part_that_ended_is_named(deploy: Deploy) -> None:
    worker = (await deploy(http_port=free_port())).worker
    part = next(task for task in worker._background if task.get_name() == "sweep")
    part.cancel()
    await eventually(part.done)
    live = await get(port_of(worker), "/healthz")
    assert (live.status, live.checks["parts"]) == (503, "ended: sweep")


async def test_a_connection_closed_for_good_is_the_end(deploy: Deploy) -> None:
    """A worker that will never hear again is not to be kept."""
    worker = (await deploy(http_port=free_port())).worker
    await worker.connection.close()
    assert await asyncio.wait_for(worker.broken(), 5) == "hearing"
    live = await get(port_of(worker), "/healthz")
    assert (live.status, live.checks["parts"]) == (503, "ended: hearing")


async def test_every_part_is_watched(deployment: Deployment) -> None:
    names = {task.get_name() for task in deployment.worker._background}
    assert names >= {"beat", "relay", "sweep", "revocations", "keys", "hearing", "health"}


async def test_without_its_stream_it_is_not_ready(deploy: Deploy) -> None:
    """But lives: it makes the stream anew when it has something to tell."""
    deployment = await deploy(http_port=free_port(), sweep_seconds=0.2, sweep_age_seconds=0)
    port = port_of(deployment.worker)
    await eventually(lambda: is_ready(port))
    await deployment.nats.jetstream().delete_stream(STREAM)

    async def missed() -> bool:
        return (await get(port, "/readyz")).checks["stream"] == "is not there"

    await eventually(missed)
    assert (await get(port, "/healthz")).status == 200
    await Partner(deployment).entity()
    await eventually(lambda: is_ready(port))


async def test_without_nats_it_is_not_ready(
    private_servers: PrivateServers, mongo_uri: str, tmp_path: Path
) -> None:
    nats = await private_servers.nats()
    deployment = Deployment(tmp_path, nats.url, mongo_uri, "test_without_nats")
    await deployment.start(http_port=free_port())
    try:
        port = port_of(deployment.worker)
        await eventually(lambda: is_ready(port))
        nats.kill()

        async def missed() -> bool:
            ready = await get(port, "/readyz")
            return ready.status == 503 and ready.checks["nats"] == "not connected"

        await eventually(missed)
        assert (await get(port, "/healthz")).status == 200
        await nats.restart()
        await eventually(lambda: is_ready(port))
    finally:
        await deployment.stop()


async def test_a_port_that_is_taken_stops_the_start(deployment: Deployment) -> None:
    """With a sentence that names the setting."""
    taken = port_of(deployment.worker)
    worker = Worker(read_settings(keys_dir=deployment.keys_dir, http_port=taken))
    with pytest.raises(WrongSetting, match=f"SVC_USER_HTTP_PORT is wrong: 127.0.0.1:{taken}"):
        worker.show()
    await worker.stop()


async def test_without_the_setting_there_is_no_port(deploy: Deploy) -> None:
    assert (await deploy()).worker.monitor.port is None
