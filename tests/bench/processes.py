"""Child processes of the benchmark: started, waited for, ended by their own ids, never longer."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

READY = b"ready"
READY_SECONDS = 30.0
STOP_SECONDS = 20.0
LOOK_EVERY = 0.05
TAIL_BYTES = 2000


class ChildFailedError(Exception):
    """A child ended, or did not get ready; the text holds the end of what it printed."""


async def output_of(
    module: str,
    *arguments: str,
    given: str = "",
    within: float = 60.0,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a Python module to its end and return what it printed on standard output."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module, *arguments),
        env={**os.environ, **(environment or {})},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(within):
            output, errors = await child.communicate(given.encode())
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise ChildFailedError(f"{module} ended with status {child.returncode}: {_end(errors)}")
    return output.decode()


@asynccontextmanager
async def running(
    module: str, *arguments: str, log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Run a Python module that prints a line with `ready`, until the block is left."""
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", module, *arguments),
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=output,
        )
    try:
        await _until_ready(child, module, log)
        yield child
    finally:
        await _stop(child)


async def _until_ready(child: Process, module: str, log: Path) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            while READY not in _said(log):
                if child.returncode is not None:
                    raise ChildFailedError(f"{module} ended: {_end(_said(log))}")
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError:
        raise ChildFailedError(f"{module} is not ready: {_end(_said(log))}") from None


async def _stop(child: Process) -> None:
    if child.returncode is not None:
        return
    child.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()


def _said(log: Path) -> bytes:
    return log.read_bytes()


def _end(output: bytes) -> str:
    return output[-TAIL_BYTES:].decode(errors="replace").strip()
