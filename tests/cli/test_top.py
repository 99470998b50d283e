"""`svc-user top`: rates from two looks, and workers that come and go."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from service.command.figures import Load, Stats, Watching
from service.command.top import drawn, poll
from tests.cli.program import environment, run
from tests.client import Partner
from tests.deployment import Deploy
from tests.servers import PrivateServers

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def answer(
    at: float, *, id: str = "w1", started: datetime = NOW, **counts: tuple[int, int, int]
) -> Stats:
    """What a worker answers: of each operation its requests, errors and milliseconds."""
    endpoints = [
        {
            "name": f"user-{name}",
            "num_requests": requests,
            "num_errors": errors,
            "processing_time": ms * 1_000_000,
        }
        for name, (requests, errors, ms) in counts.items()
    ]
    told = {
        "id": id,
        "version": "1.0.0",
        "started": started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "endpoints": endpoints,
    }
    return Stats.read(told, at)


def test_a_rate_is_what_was_done_between_two_looks() -> None:
    """Divided by the time between the answers, not by that between the looks."""
    watching = Watching()
    watching.take([answer(10, create=(100, 5, 700), get=(7, 0, 7))])
    first = watching.figures(NOW + timedelta(seconds=60))
    assert first.workers[0].load == Load(None, None, None)
    watching.take([answer(14, create=(300, 25, 1_100), get=(7, 0, 7))])
    figures = watching.figures(NOW + timedelta(seconds=64))
    (worker,) = figures.workers
    assert (worker.uptime_seconds, worker.requests, worker.errors) == (64, 307, 25)
    assert worker.load == Load(50, 5, 2)
    create, get = figures.operations
    assert (create.operation, create.load) == ("user.create", Load(50, 5, 2))
    assert (get.operation, get.load) == ("user.get", Load(0, 0, None))


def test_an_operation_is_of_all_workers_and_the_busiest_comes_first() -> None:
    watching = Watching()
    watching.take([answer(0, id=id, get=(0, 0, 0), list=(0, 0, 0)) for id in ("w1", "w2")])
    watching.take(
        [
            answer(1, id="w1", get=(10, 0, 10), list=(20, 0, 20)),
            answer(2, id="w2", get=(80, 2, 170), list=(0, 0, 0)),
        ]
    )
    figures = watching.figures(NOW)
    assert [(each.id, each.load.requests_per_second) for each in figures.workers] == [
        ("w2", 40),
        ("w1", 30),
    ]
    assert [(each.operation, each.load) for each in figures.operations] == [
        ("user.get", Load(50, 1, 2)),
        ("user.list", Load(20, 0, 1)),
    ]


def test_a_worker_that_starts_anew_is_not_compared_with_what_it_was() -> None:
    watching = Watching()
    watching.take([answer(0, get=(100, 0, 100))])
    watching.take([answer(1, started=NOW + timedelta(seconds=1), get=(3, 0, 3))])
    assert watching.figures(NOW).workers[0].load == Load(None, None, None)


def test_a_worker_that_is_silent_is_shown_once_so_and_then_forgotten() -> None:
    watching = Watching()
    watching.take([answer(0, id="w1", get=(1, 0, 1)), answer(0, id="w2", get=(2, 0, 2))])
    watching.take([answer(1, id="w2", get=(4, 0, 4))])
    figures = watching.figures(NOW)
    assert {each.id: each.answers for each in figures.workers} == {"w1": False, "w2": True}
    assert figures.operations[0].requests == 4
    watching.take([answer(2, id="w2", get=(4, 0, 4))])
    assert [each.id for each in watching.figures(NOW).workers] == ["w2"]


@pytest.mark.parametrize("told", [None, [], {}, {"id": "w", "version": "1", "endpoints": [1]}])
def test_what_is_no_answer_is_told_from_one(told: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Stats.read(told, 0)


async def test_all_workers_are_asked(deploy: Deploy) -> None:
    """Each counts for itself; one that has gone does not answer."""
    deployment = await deploy(2)
    partner, watching = Partner(deployment), Watching()
    watching.take(await poll(deployment.nats, 0.3))
    for _ in range(10):
        await partner.ask("user.list", {})
    refused = await partner.ask("user.get", {"user_id": "x"})
    assert refused.status == 400
    watching.take(await poll(deployment.nats, 0.3))
    figures = watching.figures(datetime.now(UTC))
    assert sorted(each.requests for each in figures.workers) == sorted(deployment.answered)
    listed, got = (each for each in figures.operations if each.requests)
    assert (listed.operation, listed.requests, listed.errors) == ("user.list", 10, 0)
    assert (got.operation, got.requests, got.errors) == ("user.get", 1, 1)
    assert (listed.load.requests_per_second or 0) > 0
    assert (listed.load.mean_ms or 0) > 0
    await deployment.stop_worker(deployment.worker)
    assert len(await poll(deployment.nats, 0.3)) == 1


def test_a_look_is_two_tables() -> None:
    """Of the operations those that were asked for, and no more than there is room for."""
    watching = Watching()
    for at in (0, 2):
        watching.take([answer(at, create=(at, at, at), get=(at * 2, 0, at), list=(0, 0, 0))])
    watching.take([])
    console = Console(file=io.StringIO(), width=120)
    console.print(drawn(watching.figures(NOW + timedelta(days=1, seconds=61)), most=None))
    watching.take([answer(4, id="w2", create=(1, 0, 1), get=(2, 0, 2))])
    console.print(drawn(watching.figures(NOW), most=1))
    assert isinstance(console.file, io.StringIO)
    silent, _, alone = console.file.getvalue().partition("1 worker ")
    assert "0 workers" in silent
    assert "no answer" in silent
    assert re.search(r"user\.get +- +- +- +2 +0", alone)
    assert "user.create" not in alone
    assert "user.list" not in alone


async def test_one_look_as_json(dev_dir: Path) -> None:
    status, text = await run(
        *("top", "--once", "--json", "--interval", "0.4", "--data-dir", str(dev_dir))
    )
    (line,) = text.splitlines()
    told = json.loads(line)
    assert (status, told.keys()) == (0, {"time", "workers", "operations"})
    assert told["workers"][0]["requests_per_second"] == 0
    assert {"operation", "requests", "errors", "mean_ms"} < told["operations"][0].keys()


async def test_without_a_worker_it_says_what_to_start(private_servers: PrivateServers) -> None:
    server = await private_servers.nats()
    env = environment(SVC_USER_NATS_URL=server.url)
    status, text = await run("top", "--once", "--interval", "0.2", env=env)
    assert status == 3
    assert "svc-user dev" in text
