"""Workers as processes: to kill, to freeze, to end in good order, and to start again."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

from service.local.guard import guarded
from tests.eventually import eventually

READY = re.compile(rb'"event":"ready"|\] ready ')
"""In either form of log."""


class WorkerProcess:
    """A worker that lives no longer than the test."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._settings = settings
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    async def start(self) -> None:
        """Start the worker, also again, and return when it takes requests."""
        self._starts += 1
        self._process = self._spawn()
        await eventually(self._is_ready, within=30, what=f"the worker of {self.log} is ready")

    @property
    def log(self) -> Path:
        """What the worker has printed since it was last started."""
        return self._folder / f"{self._starts}.log"

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End the worker as a crash would, and return when it is gone."""
        if self.alive:
            self._child.send_signal(SIGKILL)
            self._child.wait()

    def freeze(self) -> None:
        """Stop the worker in whatever it is doing, its connections open."""
        self._child.send_signal(SIGSTOP)
        os.waitpid(self._child.pid, os.WUNTRACED)

    def thaw(self) -> None:
        """Let a frozen worker go on where it was."""
        self._child.send_signal(SIGCONT)

    async def stop(self, within: float = 60.0) -> int:
        """Tell the worker to end, and give its exit status."""
        self._child.send_signal(SIGTERM)
        return await asyncio.to_thread(self._child.wait, within)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(
                guarded([sys.executable, "-m", "service", "serve"], SIGKILL),
                env={**os.environ, **self._settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def _child(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the worker was never started"
        return self._process

    def _is_ready(self) -> bool:
        said = self.log.read_bytes()
        assert self.alive, f"the worker ended: {said[-2000:].decode(errors='replace')}"
        return READY.search(said) is not None
