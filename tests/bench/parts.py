"""What is measured of svc-user as its surroundings grow: each part gives a sheet of figures."""

import asyncio
from asyncio.subprocess import Process
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

import psutil
from rich.table import Table

from tests.bench.comparison import Figures, OnStep, Scope, measure
from tests.bench.contenders import ECHO, SVC_USER, SvcUser, echo
from tests.bench.job import Result
from tests.bench.sides import BusSide, Timing

MEMORY_STEP = 100_000
MEMORY_SECONDS = 600.0
FLOODS = ("get", "create", "list20")
NO_FLOOD = "none"
FLOOD_IN_FLIGHT = 256
FLOOD_LEAD = 2.0
QUIET_RATE = 50.0
QUIET_STORED = 2000
QUIET_SECONDS = 10.0
QUIET_WARM_UP = 1.0


@dataclass
class Sheet:
    """One part's figures, for a table as well as for JSON."""

    title: str
    columns: list[str]
    rows: list[list[str | float]] = field(default_factory=list)

    def table(self) -> Table:
        """Lay the figures out."""
        table = Table(title=self.title)
        for column in self.columns:
            table.add_column(column, justify="right")
        for row in self.rows:
            table.add_row(*(each if isinstance(each, str) else f"{each:,.1f}" for each in row))
        return table


@dataclass
class Bench:
    """svc-user with its first worker, and how far each part goes."""

    side: SvcUser
    worker: Process
    scope: Scope
    sizes: Sequence[int]
    requests: int
    tell: OnStep
    stored: int = 0

    async def fill(self, size: int) -> None:
        """Create the users that are still missing."""
        if size > self.stored:
            await self.side.fill(size - self.stored)
            self.stored = size

    async def figures(self, what: str) -> Figures:
        """Measure every case."""
        return await measure([self.side], self.scope, lambda step: self.tell(f"{what}: {step}"))


async def fairness(bench: Bench) -> Sheet:
    """Flood from one partner; another asks fifty times a second, and is timed.

    The flood of the echo shows what the machine alone does to the one who asks.
    """
    quiet = SvcUser(bench.side.rig, partner="quiet")
    await quiet.sign_in()
    await quiet.fill(QUIET_STORED)
    rounds: dict[str, list[list[Result]]] = defaultdict(list)
    async with echo(bench.side.rig, 0) as elsewhere:
        floods: list[tuple[str, BusSide, str]] = [(f"get to {ECHO}", elsewhere, "get")]
        floods += [(case, bench.side, case) for case in FLOODS]
        for _ in range(bench.scope.rounds):
            bench.tell("no flood")
            rounds[NO_FLOOD].append([await _paced(quiet)])
            for name, side, case in floods:
                bench.tell(f"flood of {name}")
                flood = asyncio.create_task(_flood(side, case))
                await asyncio.sleep(FLOOD_LEAD)
                rounds[name].append([await _paced(quiet), await flood])
    return _fairness_sheet(rounds)


def _fairness_sheet(rounds: dict[str, list[list[Result]]]) -> Sheet:
    sheet = Sheet(
        f"a partner that asks {QUIET_RATE:g} times a second, beside another's flood",
        ["flood", "flood req/s", "quiet p50 ms", "quiet p99 ms", "p99 ÷ p99 alone", "failures"],
    )
    alone = median(quiet.p99_ms for quiet, *_ in rounds[NO_FLOOD])
    for name, results in rounds.items():
        rate = median(sum(flood.per_second for flood in floods) for _, *floods in results)
        p50 = median(quiet.p50_ms for quiet, *_ in results)
        p99 = median(quiet.p99_ms for quiet, *_ in results)
        failed = sum(sum(each.failures.values()) for pair in results for each in pair)
        sheet.rows.append([name, rate, p50, p99, p99 / alone, str(failed)])
    return sheet


async def workers(bench: Bench) -> Sheet:
    """Measure with one worker, then with two."""
    sheet = Sheet("one worker and two", ["case", "in flight", "one req/s", "two req/s", "ratio"])
    one = await bench.figures("one worker")
    async with bench.side.worker(2):
        two = await bench.figures("two workers")
    for case, depth in bench.scope.cells:
        rates = [figures.median(case, depth, SVC_USER) for figures in (one, two)]
        first, second = (rate.per_second if rate else 0.0 for rate in rates)
        sheet.rows.append([case, str(depth), first, second, second / first])
    return sheet


async def memory(bench: Bench) -> Sheet:
    """Follow the worker's memory over many requests."""
    sheet = Sheet(
        "resident memory of the worker in MiB", ["requests", "MiB", "since the first 100,000"]
    )
    process = psutil.Process(bench.worker.pid)
    first = 0.0
    for done in range(MEMORY_STEP, bench.requests + 1, MEMORY_STEP):
        bench.tell(f"memory: {done:,} requests")
        job = bench.side.job("mix80", 64, Timing(MEMORY_SECONDS, 0.0))
        result = await bench.side.rig.generate(job.model_copy(update={"requests": MEMORY_STEP}))
        now = process.memory_info().rss / 2**20
        first = first or now
        failed = f" ({result.failures})" if result.failures else ""
        sheet.rows.append([f"{done:,}{failed}", now, now - first])
    return sheet


async def sizes(bench: Bench) -> Sheet:
    """Measure every case, the more users there are."""
    sheet = Sheet("by the users stored", ["stored", "case", "in flight", "req/s", "p50", "p99"])
    for size in bench.sizes:
        bench.tell(f"filling up to {size:,}")
        await bench.fill(size)
        figures = await bench.figures(f"{size:,} stored")
        for case, depth in bench.scope.cells:
            if middle := figures.median(case, depth, SVC_USER):
                rates = [middle.per_second, middle.p50_ms, middle.p99_ms]
                sheet.rows.append([f"{size:,}", case, str(depth), *rates])
    return sheet


PARTS: dict[str, Callable[[Bench], Awaitable[Sheet]]] = {
    "fairness": fairness,
    "workers": workers,
    "memory": memory,
    "sizes": sizes,
}


async def _paced(quiet: SvcUser) -> Result:
    job = quiet.job("get", 1, Timing(QUIET_SECONDS, QUIET_WARM_UP))
    return await quiet.rig.generate(job.model_copy(update={"rate": QUIET_RATE}))


async def _flood(side: BusSide, case: str) -> Result:
    lasting = FLOOD_LEAD + QUIET_WARM_UP + QUIET_SECONDS + FLOOD_LEAD
    return await side.rig.generate(side.job(case, FLOOD_IN_FLIGHT, Timing(lasting, 0.0)))
