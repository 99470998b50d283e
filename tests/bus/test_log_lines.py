"""JSON lines: each line that a request causes has the request's id, and that of its trace."""

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog

from service import logs
from service.storage.mongo import Mongo
from service.tracing import REQUEST, log_request
from tests.client import Partner
from tests.eventually import eventually

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NO_ONE = "018f0000-0000-7000-8000-000000000000"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def lines() -> Iterator[list[dict[str, object]]]:
    """All lines, as the processors of a worker make them."""
    kept: list[dict[str, object]] = []

    def keep(_logger: object, _method: str, line: MutableMapping[str, object]) -> str:
        kept.append(dict(line))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[log_request, keep], cache_logger_on_first_use=False)
    yield kept
    structlog.configure(**before)


async def test_every_line_of_a_request_has_its_ids(
    partner: Partner, lines: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that is written deep within it, by a part that knows nothing of requests."""
    log, find = structlog.get_logger(), Mongo.find

    async def find_and_tell(*args: Any, **kwargs: Any) -> Any:
        log.info("deep_within")
        return await find(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(Mongo, "find", find_and_tell)
        user_id = await partner.user()
        lines.clear()
        headers = {"x_request_id": "my-request", "traceparent": TRACEPARENT}
        await partner.ask("user.list", {"limit": 1}, **headers)
        await partner.ask("user.update", {"user_id": user_id, "city": "Pretoria"}, **headers)
        await partner.ask("user.get", {"user_id": user_id})
    ours = [line for line in lines if line.get("request_id") == "my-request"]
    assert {line["event"] for line in ours} == {"deep_within", "request"}
    assert {line["trace_id"] for line in ours} == {TRACE}
    # What is done for several requests at once is none's: the batches, here a read by id.
    others = [line for line in lines if line not in ours]
    assert others
    assert all("request_id" not in line for line in others if line["event"] == "deep_within")


async def test_a_defect_has_them_too(partner: Partner, lines: list[dict[str, object]]) -> None:
    user_id = await partner.user()
    users = partner.deployment.database["users"]
    await users.update_one({"_id": user_id}, {"$set": {"id_number": b"moved here"}})
    headers = {"x_request_id": "defective", "traceparent": TRACEPARENT}
    with pytest.raises(AssertionError, match="a defect"):
        await partner.ask("user.list", {}, **headers)
    await eventually(lambda: len([x for x in lines if x.get("request_id") == "defective"]) == 2)
    assert {line["event"] for line in lines if line.get("trace_id") == TRACE} == {
        *("defect", "request"),
    }
    assert [line["actor"] for line in lines if line["event"] == "request"][-1] == "tests"


async def test_a_refusal_names_who_asked(partner: Partner, lines: list[dict[str, object]]) -> None:
    """Whatever it is for, once the token has told; before that it is nobody."""
    poor = partner.token(subject="poor", scopes=())
    nobody = {"user_id": NO_ONE}
    await partner.ask("user.deactivate", nobody, token="x", x_request_id="no-token")
    await partner.ask("user.deactivate", nobody, token=poor, x_request_id="no-right")
    await partner.ask("user.deactivate", b"x", x_request_id="no-json")
    await partner.ask("user.deactivate", nobody, x_request_id="no-user")

    def actors() -> dict[object, object]:
        told = [line for line in lines if line["event"] == "request"]
        return {line["request_id"]: line["actor"] for line in told}

    await eventually(lambda: len(actors()) == 4)
    assert actors() == {
        "no-token": "anonymous",
        "no-right": "poor",
        "no-json": "tests",
        "no-user": "tests",
    }


def test_outside_of_a_request_there_is_none() -> None:
    assert REQUEST.get() is None
    assert log_request(None, "info", {"event": "x"}) == {"event": "x"}


def test_the_lines_of_a_worker_have_them() -> None:
    """The processor is among those that a worker is configured with."""
    before = structlog.get_config()
    try:
        logs.configure()
        assert log_request in structlog.get_config()["processors"]
    finally:
        structlog.configure(**before)
