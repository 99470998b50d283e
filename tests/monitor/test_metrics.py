"""The metrics, as a scrape finds them: they are what happened, and have few labels."""

import asyncio
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from service.app import KINDS, OPERATIONS
from service.local import LocalServer
from service.local.ports import free_port
from service.monitor.backlog import MOST
from service.problems import COMMON
from service.storage.kind import EPOCH, OUTBOX_INDEX
from tests.client import Partner
from tests.deployment import Deploy, Deployment
from tests.eventually import eventually
from tests.monitor.conftest import port_of
from tests.monitor.web import Samples, get, scrape
from tests.servers import PrivateServers

PREFIX = "svc_user_"
IN_FLIGHT = 100


@pytest.fixture
async def partner_of_one(deploy: Deploy) -> Partner:
    """The only partner of a worker."""
    return Partner(await deploy(http_port=free_port()))


async def seen(partner: Partner) -> Samples:
    return await scrape(port_of(partner.deployment.worker))


async def test_requests_are_counted(partner_of_one: Partner) -> None:
    """By operation and status, and the same as `$SRV.STATS` says."""
    partner = partner_of_one
    user_id = await partner.user()
    for _ in range(3):
        await partner.ask("user.get", {"user_id": user_id})
    await partner.ask("user.get", {"user_id": str(uuid4())})
    await partner.ask("user.get", {"user_id": user_id}, token="")
    samples = await seen(partner)
    by_status = {
        status: samples.value(f"{PREFIX}requests_total", operation="user.get", status=status)
        for status in ("200", "404", "401", "503")
    }
    assert by_status == {"200": 3, "404": 1, "401": 1, "503": 0}
    durations = f"{PREFIX}request_duration_seconds"
    assert samples.value(f"{durations}_count", operation="user.get") == 5
    assert samples.value(f"{durations}_bucket", operation="user.get", le="+Inf") == 5
    endpoint = next(
        each
        for each in partner.deployment.worker.server.endpoints
        if each.operation.title == "user.get"
    )
    assert (endpoint.requests, endpoint.errors) == (5, 2)
    told = samples.value(f"{durations}_sum", operation="user.get")
    assert told == pytest.approx(endpoint.durations.sum / 1e9)
    assert samples.value(f"{PREFIX}requests_in_flight_limit") == 512


async def test_every_operation_is_there_from_the_start(partner_of_one: Partner) -> None:
    """With a zero, so that the first request of all is seen as a change."""
    samples = await seen(partner_of_one)
    assert samples.total(f"{PREFIX}requests_total") == 0
    assert samples.labels()["operation"] == {operation.title for operation in OPERATIONS}


async def test_batches_are_counted(partner_of_one: Partner) -> None:
    """Each with as many as shared it: together they are the requests."""
    partner = partner_of_one
    user_id = await partner.user()
    labels = {"collection": "users", "operation": "find"}
    before = await seen(partner)
    asking = [partner.ask("user.get", {"user_id": user_id}) for _ in range(IN_FLIGHT)]
    await asyncio.gather(*asking)
    after = await seen(partner)

    def more(name: str, **also: str) -> float:
        name = f"{PREFIX}{name}"
        return after.value(name, **labels, **also) - before.value(name, **labels, **also)

    assert more("batch_size_sum") == IN_FLIGHT
    assert 1 <= more("batch_size_count") < IN_FLIGHT
    assert more("batch_size_bucket", le="1.0") < more("batch_size_bucket", le="256.0")
    assert more("batch_duration_seconds_count") == more("batch_size_count")
    assert more("batch_duration_seconds_sum") > 0


async def test_events_are_followed_to_the_stream(partner_of_one: Partner) -> None:
    """Each event has a lag, and nothing stays in an outbox."""
    partner = partner_of_one
    await partner.user()

    async def told() -> Samples | None:
        samples = await seen(partner)
        return samples if samples.value(f"{PREFIX}relay_lag_seconds_count") == 2 else None

    samples = await eventually(told)
    assert samples is not None
    assert 0 < samples.value(f"{PREFIX}relay_lag_seconds_sum") < 5
    assert samples.value(f"{PREFIX}relay_given_up_total") == 0


async def test_a_backlog_is_seen_and_a_sweep_counted(deploy: Deploy) -> None:
    """While NATS is away events wait, and get older; afterwards a sweep finds them."""
    deployment = await deploy(http_port=free_port(), sweep_seconds=0.2, sweep_age_seconds=0)
    worker, partner = deployment.worker, Partner(deployment)
    user_id = await partner.user()
    await deployment.database["users"].update_one(
        {"_id": user_id},
        {"$push": {"outbox": await _as_left_behind(deployment, user_id)}},
    )
    await worker.monitor.backlog.look()
    samples = await seen(partner)
    in_users = {"collection": "users"}
    assert samples.value(f"{PREFIX}outbox_aggregates", **in_users) <= 1
    assert samples.labels()["collection"] >= {kind.collection for kind in KINDS}

    async def swept() -> bool:
        return (await seen(partner)).value(f"{PREFIX}sweep_found_total") >= 1

    await eventually(swept)
    await eventually(lambda: _is_empty(deployment, user_id))
    await worker.monitor.backlog.look()
    samples = await seen(partner)
    assert samples.value(f"{PREFIX}outbox_aggregates", **in_users) == 0
    assert samples.value(f"{PREFIX}outbox_oldest_age_seconds", **in_users) == 0


async def _as_left_behind(deployment: Deployment, user_id: str) -> dict[str, Any]:
    """An event of the user that the stream has already, as a worker leaves it that is killed."""
    await eventually(lambda: _is_empty(deployment, user_id))
    logged = await deployment.database["events"].find_one({"aggregate_id": user_id})
    assert logged is not None
    names = ("type", "version", "at", "actor", "request_id", "changed", "body")
    return {"id": logged["_id"], **{name: logged[name] for name in names}}


async def _is_empty(deployment: Deployment, user_id: str) -> bool:
    document = await deployment.database["users"].find_one({"_id": user_id})
    return document is not None and not document["outbox"]


async def test_what_waits_is_counted_in_the_index(
    partner_of_one: Partner, mongo_admin: AsyncMongoClient[dict[str, Any]]
) -> None:
    """The age is the oldest entry's; a look reads one document, however many wait."""
    deployment = partner_of_one.deployment
    backlog, users = deployment.worker.monitor.backlog, deployment.database["users"]
    now = backlog._clock()
    ages = [*range(100, 200), 5_000, *range(200, 300)]
    await users.insert_many(
        {"_id": str(age), "outbox": [{"at": now - timedelta(seconds=age)}, {"at": now}]}
        for age in ages
    )
    deployment.worker._sweep._deliver = _nowhere
    await backlog.look()
    assert backlog.found["users"].aggregates == len(ages)
    assert backlog.found["users"].oldest == pytest.approx(5_000, abs=30)
    query = {"outbox.at": {"$gt": EPOCH}}
    for command in (
        {"find": "users", "filter": query, "limit": 1, "hint": OUTBOX_INDEX},
        {"count": "users", "query": query, "limit": MOST, "hint": OUTBOX_INDEX},
    ):
        explained = await deployment.database.command(
            {"explain": command, "verbosity": "executionStats"},
            codec_options=mongo_admin.codec_options.with_options(datetime_conversion=3),
        )
        assert explained["executionStats"]["totalDocsExamined"] <= 1
    await users.delete_many({})


async def _nowhere(_: Any) -> None:
    """In the place of the relay."""


async def test_reconnects_are_counted(
    private_servers: PrivateServers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Of the bus and of the driver, each by its own server's restart."""
    nats, mongo = await private_servers.nats(), await private_servers.mongo()
    folder = tmp_path_factory.mktemp("keys")
    deployment = Deployment(folder, nats.url, mongo.url, "reconnects")
    await deployment.start(http_port=free_port())
    partner = Partner(deployment)
    try:
        for server, name in ((nats, "nats"), (mongo, "mongo")):
            await _restarted(partner, server, name)
        samples = await seen(partner)
        assert samples.value(f"{PREFIX}nats_reconnects_total") == 1
        assert samples.value(f"{PREFIX}mongo_reconnects_total") == 1
    finally:
        await deployment.stop()


async def _restarted(partner: Partner, server: LocalServer, name: str) -> None:
    there = {"nats": f"{PREFIX}nats_connected", "mongo": f"{PREFIX}mongo_writable"}[name]

    async def is_there() -> bool:
        return (await seen(partner)).value(there) == 1

    async def is_away() -> bool:
        return not await is_there()

    await eventually(is_there)
    server.kill()
    await eventually(is_away)
    await server.start()
    await eventually(is_there)


async def test_labels_have_few_values(partner_of_one: Partner) -> None:
    """None of them a partner, a user or an id, whatever callers send."""
    partner = partner_of_one
    user_id = await partner.user()
    for number in range(20):
        other = Partner(partner.deployment, f"made-up-{number}")
        await other.ask("user.get", {"user_id": str(uuid4())}, x_request_id=f"request-{number}")
    samples = await seen(partner)
    labels = samples.labels()
    library = {"generation", "implementation", "major", "minor", "patchlevel"}
    assert labels.keys() - library == {
        *("operation", "status", "le", "state", "collection", "version", "driver"),
    }
    statuses = {str(problem.status) for each in OPERATIONS for problem in (*each.refuses, *COMMON)}
    assert labels["status"] <= statuses | {"200"}
    words = {kind.collection for kind in KINDS} | {"several"}
    assert labels["collection"] <= words
    text = (await get(port_of(partner.deployment.worker), "/metrics")).body.decode()
    for told in (partner.name, user_id, "made-up", "request-"):
        assert told not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)


async def test_openmetrics_too(deployment: Deployment) -> None:
    """For a scraper that asks for it; Prometheus's own text else."""
    port = port_of(deployment.worker)
    newer = await get(port, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert newer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert newer.body.endswith(b"# EOF\n")
    older = await get(port, "/metrics")
    assert older.headers["Content-Type"].startswith("text/plain; version=")


async def test_scrapes_race_with_requests(deployment: Deployment, partner: Partner) -> None:
    """A scrape reads in another thread what requests change meanwhile; neither is in the way."""
    user_id = await partner.user()
    port = port_of(deployment.worker)
    scraping = asyncio.gather(*(get(port, "/metrics") for _ in range(20)))
    while not scraping.done():
        asking = (partner.ask("user.get", {"user_id": user_id}) for _ in range(20))
        assert {reply.status for reply in await asyncio.gather(*asking)} == {200}
    assert {reply.status for reply in await scraping} == {200}
