"""Discovery as ADR-32 has it: what the worker tells of itself, and whether it is true."""

import re
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from service.app import OPERATIONS
from tests.client import Partner
from tests.deployment import Deploy, Deployment


class About(TypedDict):
    type: str
    name: str
    id: str
    version: str
    metadata: dict[str, str]


class EndpointInfo(TypedDict):
    name: str
    subject: str
    queue_group: str
    metadata: dict[str, str]


class Info(About):
    description: str
    endpoints: list[EndpointInfo]


class EndpointStats(TypedDict):
    name: str
    subject: str
    queue_group: str
    num_requests: int
    num_errors: int
    last_error: str
    processing_time: int
    average_processing_time: int


class Stats(About):
    started: datetime
    endpoints: list[EndpointStats]


SHAPES: dict[str, Any] = {"PING": About, "INFO": Info, "STATS": Stats}


async def discovered(deployment: Deployment, verb: str, *rest: str) -> Any:
    """The answer of a worker, once it is seen to have the shape that ADR-32 gives it."""
    subject = ".".join(("$SRV", verb, *rest))
    data = (await deployment.nats.request(subject)).data
    TypeAdapter(SHAPES[verb]).validate_json(data, strict=True, extra="forbid")
    answer = orjson.loads(data)
    assert answer["type"] == f"io.nats.micro.v1.{verb.lower()}_response"
    assert answer["name"] == "svc-user"
    assert re.fullmatch(r"[A-Za-z0-9_-]+", answer["id"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", answer["version"])
    return answer


@pytest.mark.parametrize("verb", SHAPES)
async def test_every_way_to_ask(deployment: Deployment, verb: str) -> None:
    """A worker answers to everybody's name, to the service's, and to its own."""
    id = deployment.worker.id
    for rest in ((), ("svc-user",), ("svc-user", id)):
        assert (await discovered(deployment, verb, *rest))["id"] == id


async def test_info(deployment: Deployment) -> None:
    """Each operation is an endpoint, with what one has to know to call it."""
    info = await discovered(deployment, "INFO")
    assert info["description"]
    assert [each["subject"] for each in info["endpoints"]] == [each.subject for each in OPERATIONS]
    for endpoint, operation in zip(info["endpoints"], OPERATIONS, strict=True):
        assert re.fullmatch(r"[A-Za-z0-9_-]+", endpoint["name"])
        assert endpoint["queue_group"] == "svc-user"
        told = endpoint["metadata"]
        assert told["scope"] == operation.rights
        assert told["request"] == operation.request.__name__
        assert told.get("events", "").split() == [event.type for event in operation.emits]
        assert told["description"]
        assert told["reply"]


async def test_stats_are_true(deploy: Deploy) -> None:
    """Requests, errors, the last of them and the time taken are what happened, none for others."""
    before = datetime.now(UTC).replace(microsecond=0)
    partner = Partner(await deploy())
    user_id = await partner.user()
    for _ in range(3):
        await partner.ask("user.get", {"user_id": user_id})
    await partner.ask("user.get", {"user_id": 1})
    await partner.ask("user.get", {"user_id": user_id}, token="")
    stats = await discovered(partner.deployment, "STATS")
    assert before <= datetime.fromisoformat(stats["started"]) <= datetime.now(UTC)
    by_subject = {each["subject"]: each for each in stats["endpoints"]}
    assert by_subject.keys() == {operation.subject for operation in OPERATIONS}
    asked = {subject: each for subject, each in by_subject.items() if each["num_requests"]}
    counts = {subject: (e["num_requests"], e["num_errors"]) for subject, e in asked.items()}
    assert counts == {
        "svc.user.*.get": (5, 2),
        "svc.user.*.create": (1, 0),
        "svc.entity.*.create": (1, 0),
    }
    got = by_subject["svc.user.*.get"]
    assert got["last_error"] == "401 UNAUTHENTICATED"
    assert got["average_processing_time"] == got["processing_time"] // 5 > 0
    idle = by_subject["svc.user.*.list"]
    assert (idle["last_error"], idle["processing_time"]) == ("", 0)
    assert idle["average_processing_time"] == 0


async def test_each_worker_answers(deploy: Deploy) -> None:
    """Two workers are two answers, each with its own id."""
    deployment = await deploy(2)
    inbox = deployment.nats.new_inbox()
    answers = await deployment.nats.subscribe(inbox)
    await deployment.nats.publish("$SRV.PING.svc-user", reply=inbox)
    heard = {orjson.loads((await answers.next_msg(timeout=5)).data)["id"] for _ in range(2)}
    assert heard == {worker.id for worker in deployment.workers}
