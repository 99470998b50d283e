"""`svc-user demo`: every step with its reply and its events, as often as one likes."""

import asyncio
import io
import json
import re
import signal
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from rich.console import Console

from service.command.stage import scene
from service.command.tour import TOUR
from tests.cli.conftest import Invoke
from tests.cli.program import Program, run


async def test_it_can_be_taken_again_on_the_same_data(dev_dir: Path) -> None:
    """At once too: each request has its own reply, no refusal, and its own events, all of them."""
    options = ("demo", "--fast", "--partner", f"tour-{uuid4().hex[:8]}", "--data-dir", str(dev_dir))
    for status, text in await asyncio.gather(run(*options), run(*options)):
        assert status == 0, text
        scenes = re.split(r"^\d+/\d+  ", text, flags=re.MULTILINE)[1:]
        assert len(scenes) == len(TOUR)
        for shown, step in zip(scenes, TOUR, strict=True):
            assert shown.startswith(step.says)
            assert re.findall(r"^  • +\S+ +(\S+)", shown, re.MULTILINE) == list(step.events)
            assert len(re.findall("^  → ", shown, re.MULTILINE)) == 1
            assert len(re.findall("^  ← ", shown, re.MULTILINE)) == 1


async def test_a_refused_step_ends_it(invoke: Invoke, dev_dir: Path) -> None:
    partner = f"tour-{uuid4().hex[:8]}"
    switched = await invoke(
        *("call", "administrator.set_modules", '{"modules": {"MEMBERSHIP": false}}'),
        *("--partner", partner, "--data-dir", dev_dir),
    )
    assert switched.exit_code == 0
    status, text = await run("demo", "--fast", "--partner", partner, "--data-dir", str(dev_dir))
    assert status == 1
    assert "✗" in text
    assert "account.create was refused: This module is not enabled" in text
    assert "svc.membership." not in text


async def test_ctrl_c_ends_it_while_one_reads(dev_dir: Path) -> None:
    tour = await Program.start("demo", "--data-dir", str(dev_dir))
    await tour.line_with("administrator.created")
    tour.send(signal.SIGINT)
    assert await tour.ended() == 0
    assert "Traceback" not in tour.text


async def test_without_a_dev_it_says_what_to_start(invoke: Invoke, tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    result = await invoke("demo", "--data-dir", folder)
    assert result.exit_code == 2
    assert f"start it first, with `svc-user dev --data-dir '{folder}'`" in result.stderr


def event() -> Msg:
    """An event as it comes from the stream."""
    told = {
        "time": "2026-03-01T12:00:00.000Z",
        "type": "user.created",
        "partnerid": "acme",
        "subject": "0199f6a4",
        "aggregateversion": 1,
        "data": {"changed": ["email"]},
    }
    return Msg(Client(), "evt.user.acme.0199f6a4.created", data=orjson.dumps(told))


@pytest.mark.parametrize("width", [140, 80])
def test_a_terminal_has_panels(width: int) -> None:
    """Wide, the events stand beside; narrow, below. Nothing is markup, what is long is cut."""
    console = Console(file=io.StringIO(), force_terminal=True, width=width, height=40)
    body = {"name": "[red]Mill\x1b[2J", "token": "e" * 500, "many": list(range(100))}
    with scene(console, "1/1  A step [bold].") as shown:
        shown.asked("svc.user.acme.create", {"If-Match": "1"}, body)
        shown.answered({"userId": "u1"}, "done, 3 ms", refused=False)
        shown.happened(event())
    assert isinstance(console.file, io.StringIO)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())
    for part in ("A step [bold].", "[red]Mill", "If-Match: 1", '"userId": "u1"', "user.created"):
        assert part in text
    assert "e" * 30 not in text
    assert "more lines" in text
    assert json.dumps("\x1b")[1:-1] in text
    beside = [line for line in text.splitlines() if "If-Match" in line and "user.created" in line]
    assert bool(beside) == (width == 140)
