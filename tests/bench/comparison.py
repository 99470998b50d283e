"""The comparison: every case at every depth, the sides by turns, and the medians of the rounds.

A round measures each cell once, all sides of a cell one after another and each round in another
order, so that what drifts on the machine meets all of them alike.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median

from tests.bench.cases import OWN_CASES
from tests.bench.contenders import OPENERS, SVC_USER
from tests.bench.rig import Rig
from tests.bench.sides import Measure, Side, Timing

OnStep = Callable[[str], None]
Cell = tuple[str, int, str]
"""A case, the requests in flight, a side."""


@dataclass(frozen=True)
class Scope:
    """What is to be measured."""

    sides: Sequence[str]
    cases: Sequence[str]
    depths: Sequence[int]
    rounds: int
    timing: Timing
    stored: int

    @property
    def cells(self) -> list[tuple[str, int]]:
        """The pairs of case and requests in flight."""
        return [(case, depth) for case in self.cases for depth in self.depths]

    @property
    def measurements(self) -> int:
        """How many measurements that makes."""
        measured = [1 for side in self.sides for case, _ in self.cells if has(side, case)]
        return self.rounds * len(measured)


@dataclass
class Figures:
    """The measures of each cell, one of each round."""

    measures: dict[Cell, list[Measure]] = field(default_factory=lambda: defaultdict(list))

    def median(self, case: str, depth: int, side: str) -> Measure | None:
        """Sum up the rounds of a cell; what failed in any of them stays in the sum."""
        measures = self.measures.get((case, depth, side))
        if not measures:
            return None
        failures: dict[str, int] = defaultdict(int)
        for measure in measures:
            for code, count in measure.failures.items():
                failures[code] += count
        return Measure(
            per_second=median(measure.per_second for measure in measures),
            p50_ms=median(measure.p50_ms for measure in measures),
            p99_ms=median(measure.p99_ms for measure in measures),
            lag_ms=median(measure.lag_ms for measure in measures),
            cost_us={
                name: median(measure.cost_us[name] for measure in measures)
                for name in measures[0].cost_us
            },
            cores=median(measure.cores for measure in measures),
            missing_events=sum(measure.missing_events for measure in measures),
            failures=dict(failures),
            first_failure=next((each.first_failure for each in measures if each.failures), None),
        )


async def compare(rig: Rig, scope: Scope, on_step: OnStep) -> Figures:
    """Open the sides, filled, and measure all cells of each."""
    async with AsyncExitStack() as opened:
        sides = []
        for name in scope.sides:
            on_step(f"filling {name}")
            sides.append(await opened.enter_async_context(OPENERS[name](rig, scope.stored)))
        return await measure(sides, scope, on_step)


async def measure(sides: Sequence[Side], scope: Scope, on_step: OnStep) -> Figures:
    """Measure all cells of open sides, telling before each measurement which it is."""
    figures = Figures()
    for case, depth, side in _turns(scope, sides):
        on_step(f"{case}, {depth} in flight: {side.name}")
        figures.measures[case, depth, side.name].append(
            await side.measure(case, depth, scope.timing)
        )
    return figures


def _turns(scope: Scope, sides: Sequence[Side]) -> Iterator[tuple[str, int, Side]]:
    for number in range(scope.rounds):
        first = number % len(sides)
        for case, depth in scope.cells:
            for side in (*sides[first:], *sides[:first]):
                if has(side.name, case):
                    yield case, depth, side


def has(side: str, case: str) -> bool:
    """Whether the side can be asked for the case."""
    return side == SVC_USER or case not in OWN_CASES
