"""A `svc-user dev` for all tests of the command, and the command called within this process."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.cli import app
from service.settings import PREFIX
from tests.cli.program import Program, environment

Invoke = Callable[..., Awaitable[Result]]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of whoever runs the tests stay out of them."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
async def dev_dir(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The data folder of a `svc-user dev` that runs, with data that tests share."""
    folder = tmp_path_factory.mktemp("dev")
    program = await Program.start(
        *("dev", "--data-dir", str(folder), "--nats-port", "0", "--mongo-port", "0"),
        env=environment(SVC_USER_LOG_LEVEL="error"),  # nobody reads its log, and a pipe gets full
    )
    await program.line_with("ready")
    yield folder
    assert await program.stop() == 0


@pytest.fixture
def invoke() -> Invoke:
    """Calls `svc-user` within this process: give its arguments, and `input` for its stdin."""

    async def call(*arguments: str | Path, input: str | None = None) -> Result:  # noqa: A002
        # In a thread, for a command has a loop of its own, and this one has one already.
        words = [str(argument) for argument in arguments]
        result = await asyncio.to_thread(CliRunner().invoke, app, words, input=input)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    return call
