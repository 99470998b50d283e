"""A worker that is asked for far more than it can do, by the generator of the benchmark.

First its peak, in a closed loop. Then an open loop at twice the peak; then ten times its bound of
callers, who stay away as long as `Retry-After` says. Before and right after, single requests.
"""

import asyncio
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from rich.box import SIMPLE
from rich.table import Table

from tests.bench.cases import USER
from tests.bench.contenders import SvcUser
from tests.bench.job import Job, Result
from tests.bench.rig import rig
from tests.bench.sides import Timing

CASE = "mix80"
STORED = 1_000
BOUND = 512
IN_FLIGHT = 256
TIMES_PEAK = 2
TIMES_BOUND = 10
SINGLES = 200
BACK_WITHIN = 1.0
LOOK_EVERY = 0.1
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Overload:
    """What came of one kind of overload."""

    name: str
    result: Result
    peak: float
    """The good replies a second of a worker that is asked for no more than it can do."""
    grown: float
    """MiB of memory that the worker took beyond what it had at its peak."""
    single_ms: tuple[float, float]
    """What a single request took: before, and in the second after the end."""

    @property
    def share(self) -> float:
        """The good replies, of those at the peak."""
        return self.result.per_second / self.peak

    @property
    def others(self) -> int:
        """Requests that were neither answered well nor refused with 503."""
        return sum(count for code, count in self.result.failures.items() if code != "503")


class Ground:
    """A worker, and what it can do."""

    def __init__(self, side: SvcUser, worker: Process) -> None:
        self._side = side
        self._worker = psutil.Process(worker.pid)

    async def peak(self, seconds: float) -> float:
        """The good replies a second, in a closed loop that keeps the worker busy."""
        return (await self._run(seconds, in_flight=IN_FLIGHT)).per_second

    async def open_loop(self, peak: float, seconds: float) -> Overload:
        """Twice the peak, whether or not there are answers."""
        rate = TIMES_PEAK * peak
        return await self._measured(
            f"open loop, {rate:,.0f}/s", peak, lambda: self._run(seconds, rate=rate)
        )

    async def patient(self, peak: float, seconds: float) -> Overload:
        """Ten times the bound of callers, each with one request in flight or on its mind."""
        callers = TIMES_BOUND * BOUND
        return await self._measured(
            f"{callers:,} patient callers",
            peak,
            lambda: self._run(seconds, in_flight=callers, patient=True),
        )

    async def _measured(
        self, name: str, peak: float, load: Callable[[], Awaitable[Result]]
    ) -> Overload:
        before, memory = await self._single(), self._memory()
        most = [memory]
        looking = asyncio.create_task(self._look(most))
        result = await load()
        looking.cancel()
        after = await self._single()
        return Overload(name, result, peak, (max(most) - memory) / MEBIBYTE, (before, after))

    async def _run(self, seconds: float, **load: object) -> Result:
        job = self._side.job(CASE, 1, Timing(seconds))
        return await self._side.rig.generate(Job.model_validate(job.model_dump() | load))

    async def _single(self) -> float:
        """What one request after another takes, in the middle, in milliseconds.

        Raises: ChildFailedError, when one is refused.
        """
        picks = {USER: self._side.picks[USER][0]}
        took: list[float] = []
        began = time.perf_counter()
        while len(took) < SINGLES and time.perf_counter() - began < BACK_WITHIN:
            at = time.perf_counter()
            await self._side.rig.ask(self._side.requests.get(), picks)
            took.append(time.perf_counter() - at)
        return 1000 * median(took)

    async def _look(self, most: list[int]) -> None:
        while True:
            most.append(self._memory())
            await asyncio.sleep(LOOK_EVERY)

    def _memory(self) -> int:
        memory: int = self._worker.memory_info().rss
        return memory


async def measure(folder: Path, seconds: float, *, both: bool) -> list[Overload]:
    """An open loop, and `both`: also patient callers, with the peak measured anew beside each."""
    async with rig(folder) as servers:
        side = SvcUser(servers)
        await side.sign_in()
        async with side.worker() as worker:
            await side.fill(STORED)
            ground = Ground(side, worker)
            await ground.peak(min(seconds, 2.0))
            overloads = []
            for kind in (ground.open_loop, ground.patient)[: 2 if both else 1]:
                peak = await ground.peak(min(seconds, 10.0))
                overloads.append(await kind(peak, seconds))
            return overloads


def table(overloads: list[Overload]) -> Table:
    """A line for each."""
    table = Table(
        box=SIMPLE, title=f"A worker of bound {BOUND} that is asked for more than it can do, {CASE}"
    )
    for name in (
        *("load", "peak/s", "good/s", "of peak", "p99 ms", "503/s", "503 p99 ms"),
        *("other", "+ MiB", "single ms", "after"),
    ):
        table.add_column(name, justify="right")
    for each in overloads:
        result = each.result
        refused = result.failures.get("503", 0) / result.seconds
        table.add_row(
            *(each.name, f"{each.peak:,.0f}", f"{result.per_second:,.0f}", f"{each.share:.0%}"),
            *(f"{result.p99_ms:,.0f}", f"{refused:,.0f}", f"{result.refused_p99_ms:,.0f}"),
            *(f"{each.others:,}", f"{each.grown:,.0f}"),
            *(f"{took:.1f}" for took in each.single_ms),
        )
    return table
