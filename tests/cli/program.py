"""The command as a process of its own, as a shell starts it."""

import asyncio
import contextlib
import os
import pty
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from service.settings import PREFIX

ROOT = Path(__file__).parents[2]
WITHIN = 60.0


def environment(**variables: str) -> dict[str, str]:
    """The environment without any setting of svc-user but these."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    return inherited | variables


class Program:
    """A `svc-user` that runs until it ends or is ended."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []

    @classmethod
    async def start(cls, *arguments: str, env: Mapping[str, str] | None = None) -> "Program":
        """Start `svc-user` with the arguments."""
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "service", *arguments),
                cwd=ROOT,
                env=environment() if env is None else env,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        )

    async def line_with(self, text: str) -> str:
        """The next line on standard output that has the text in it."""
        return await self._line_with(text, self._process.stdout)

    async def error_line_with(self, text: str) -> str:
        """The next line on standard error that has the text in it."""
        return await self._line_with(text, self._process.stderr)

    async def _line_with(self, text: str, stream: asyncio.StreamReader | None) -> str:
        assert stream is not None
        async with asyncio.timeout(WITHIN):
            while line := (await stream.readline()).decode():
                self.lines.append(line)
                if text in line:
                    return line
        raise AssertionError(f"ended without {text!r}: {self.lines} {await self._rest()}")

    def children(self) -> list[psutil.Process]:
        """The processes that it has started."""
        return psutil.Process(self._process.pid).children(recursive=True)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Its exit status, once it has ended by itself."""
        async with asyncio.timeout(WITHIN):
            self.lines += await self._rest()
            return await self._process.wait()

    async def stop(self) -> int:
        """Its exit status after a SIGTERM."""
        if self._process.returncode is None:
            self.send(signal.SIGTERM)
        return await self.ended()

    @property
    def text(self) -> str:
        """All that was read so far."""
        return "".join(self.lines)

    async def _rest(self) -> list[str]:
        outputs = await self._process.communicate()
        return [output.decode() for output in outputs]


async def run(*arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run `svc-user` to its end; give its exit status and all that it printed."""
    program = await Program.start(*arguments, env=env)
    return await program.ended(), program.text


async def run_on_terminal(*arguments: str) -> tuple[int, str]:
    """Run `svc-user` with its outputs on a terminal; give its exit status and what stands there."""
    master, terminal = pty.openpty()
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", *arguments),
        cwd=ROOT,
        env=environment(COLUMNS="200"),
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    told = await asyncio.to_thread(_all_of, master)
    return await program.wait(), told


def _all_of(master: int) -> str:
    """What is written to a terminal, until nobody has it open any more."""
    told = b""
    with contextlib.suppress(OSError):  # which is how its end shows
        while part := os.read(master, 65_536):
            told += part
    os.close(master)
    return told.decode()
