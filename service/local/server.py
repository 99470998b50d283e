"""A server as a child of this process: to start and stop, and for tests to kill and to freeze."""

import asyncio
import fcntl
import os
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals

from service.local.ports import obstacle_at
from service.local.sources import LocalServerError, Program, Source

START_DEADLINE = 60.0
STOP_DEADLINE = 15.0
LOOK_EVERY = 0.03
TAIL_LINES = 12


@dataclass(frozen=True, slots=True)
class GivenServer:
    """A server that somebody else runs, named by its URL: it is neither started nor stopped."""

    url: str
    origin: str = "given by URL"

    async def stop(self) -> None:
        """Leave it running."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that it takes to start a server, the first time and each time after."""

    program: Program
    source: Source
    arguments: tuple[str, ...]
    folder: Path
    port: int
    url: str
    # Puts into the folder what the server wants to find there.
    prepare: Callable[[], object]
    # Says what still keeps the server from serving, and may do something about it.
    obstacle: Callable[[], Awaitable[str | None]]


class LocalServer:
    """A server that lives no longer than this process, and whose data stay.

    Start it in a thread that lasts, as the main one does: on Linux it ends with that thread.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self._plan.url

    @property
    def port(self) -> int:
        return self._plan.port

    @property
    def origin(self) -> str:
        """Where the program was found, for people to read."""
        return self._plan.source.origin

    @property
    def log(self) -> Path:
        """What the server prints; beside it, with `.1` in its name, that of the start before."""
        return self._plan.folder / f"{self._plan.program.name}.log"

    @property
    def pid(self) -> int:
        """The child's process id; of a container, that of Docker's command line."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start the server and return when it serves."""
        if self.alive:
            return
        try:
            self._launch()
        except OSError as error:
            raise LocalServerError(
                f"{self._plan.program.name} cannot be started in {self._plan.folder}: {error}. "
                "Clear the way, or choose another --data-dir."
            ) from error
        try:
            await self._until_serving()
        except BaseException:
            self.kill()
            raise

    async def stop(self) -> None:
        """End the server in good order, or, once the deadline has passed, at once."""
        if not self.alive:
            return
        self._signal(SIGTERM)
        self.thaw()  # frozen, it would not hear
        try:
            await asyncio.to_thread(self._child.wait, STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()

    async def restart(self) -> None:
        """Start the server again, on the same port and data, after stopping it if it still runs."""
        await self.stop()
        await self.start()

    def kill(self) -> None:
        """End the server as a crash would, and return when it is gone."""
        if self.alive:
            self._signal(SIGKILL)
            self._child.wait()

    def freeze(self) -> None:
        """Make the server stop answering, its connections open."""
        self._signal(SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal(SIGCONT)

    @property
    def _child(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise LocalServerError(f"{self._plan.program.name} was never started.")
        return self._process

    def _signal(self, number: Signals) -> None:
        self._plan.source.signal(self._child, number, self._plan.folder)

    def _launch(self) -> None:
        lock = _lock(self._plan.folder, self._plan.program)
        try:
            self._plan.source.clear(self._plan.folder)
            self._plan.prepare()
            self._require_port()
            self._process = self._spawn(lock)
        finally:
            os.close(lock)

    def _require_port(self) -> None:
        obstacle = obstacle_at(self.port)
        if obstacle:
            raise LocalServerError(
                f"{self._plan.program.name} cannot be started: {obstacle}. "
                f"Choose another with {self._plan.program.port_option}."
            )

    def _spawn(self, lock: int) -> subprocess.Popen[bytes]:
        """Start the child in a process group of its own: a Ctrl-C is for the parent alone."""
        plan = self._plan
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("wb") as log:
            return subprocess.Popen(
                plan.source.command(plan.arguments, plan.folder, plan.port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                pass_fds=[lock],
            )

    async def _until_serving(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_DEADLINE
        while obstacle := await self._plan.obstacle():
            if not self.alive:
                raise self._failure(f"it ended with status {self._child.returncode}")
            if loop.time() > deadline:
                raise self._failure(f"after {START_DEADLINE:.0f} s {obstacle}")
            await asyncio.sleep(LOOK_EVERY)
        if not self.alive:
            raise self._failure("another server answers in its place")

    def _failure(self, reason: str) -> LocalServerError:
        tail = self.log.read_text(errors="replace").rstrip().splitlines()[-TAIL_LINES:]
        return LocalServerError(
            f"{self._plan.program.name} ({self.origin}) did not start: {reason}. "
            f"The end of {self.log}:\n" + "\n".join(f"  {line}" for line in tail)
        )


def _lock(folder: Path, program: Program) -> int:
    """Take the folder's lock, which the child inherits, and so holds for as long as it lives."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise LocalServerError(
            f"{program.name} cannot be started: another one is using {folder}. "
            "Choose another --data-dir."
        ) from None
    return lock
