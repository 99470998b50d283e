"""The comparison for people, as tables, and for programs, as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.comparison import Figures, Scope
from tests.bench.contenders import BARE, ECHO, FASTSTREAM, SVC_USER
from tests.bench.cost import LOAD, MONGOD, NATS_SERVER, OWN
from tests.bench.sides import Measure


@dataclass(frozen=True)
class Floor:
    """What svc-user must reach at least, as a share of another side's figure."""

    case: str
    depth: int
    against: str
    least: float
    slower: bool = False
    """Compares the median latencies, other side's to ours, instead of the rates."""
    their_case: str | None = None
    """The case of the other side, where it is another one."""

    def reached(self, figures: Figures) -> float | None:
        """Work out the share, if both sides were measured."""
        ours = figures.median(self.case, self.depth, SVC_USER)
        theirs = figures.median(self.their_case or self.case, self.depth, self.against)
        if ours is None or theirs is None:
            return None
        if self.slower:
            return theirs.p50_ms / ours.p50_ms
        return ours.per_second / theirs.per_second

    def __str__(self) -> str:
        what = "p50" if self.slower else "rate"
        theirs = f"{self.against} {self.their_case}" if self.their_case else self.against
        return f"{self.case}, {self.depth} in flight, {what} against {theirs}"


FLOORS = (
    Floor("create", 64, FASTSTREAM, 5.0),
    Floor("get", 64, FASTSTREAM, 10.0),
    Floor("update", 64, FASTSTREAM, 4.0),
    Floor("mix80", 256, FASTSTREAM, 7.0),
    Floor("get", 64, ECHO, 0.3),
    Floor("create", 64, BARE, 0.5),
    Floor("create", 1, FASTSTREAM, 1.0, slower=True),
    Floor("get", 1, FASTSTREAM, 1.0, slower=True),
    Floor("get_person", 64, SVC_USER, 0.8, their_case="get"),
    Floor("evaluate", 64, SVC_USER, 0.8, their_case="get"),
    Floor("check", 64, SVC_USER, 1.0, their_case="get"),
)


_SPENDERS = {
    OWN: "the side itself",
    MONGOD: "mongod",
    NATS_SERVER: "nats-server",
    LOAD: "the generator of the load",
}


def show(console: Console, machine: dict[str, str], scope: Scope, figures: Figures) -> None:
    """Print the comparison."""
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()))
    console.print(
        f"{scope.stored:,} users stored, medians of {scope.rounds} rounds of "
        f"{scope.timing.seconds:g} s. In a cell: requests a second, p50/p99 in ms."
    )
    console.print(_comparison(scope, figures))
    console.print(_costs(scope, figures))
    for line in _faults(figures):
        console.print(line, style="red")
    floors = _floors(figures)
    if floors.rows:
        console.print(floors)


def as_json(machine: dict[str, str], scope: Scope, figures: Figures) -> dict[str, Any]:
    """Give the same as plain data, every round included."""
    return {
        "machine": machine,
        "scope": asdict(scope),
        "cells": [
            {
                "case": case,
                "in_flight": depth,
                "side": side,
                "median": _median(figures, case, depth, side).model_dump(),
                "rounds": [measure.model_dump() for measure in measures],
            }
            for (case, depth, side), measures in figures.measures.items()
        ],
        "floors": [
            {"floor": str(floor), "least": floor.least, "reached": floor.reached(figures)}
            for floor in FLOORS
        ],
    }


def _comparison(scope: Scope, figures: Figures) -> Table:
    others = [side for side in scope.sides if side != SVC_USER] if SVC_USER in scope.sides else []
    table = Table("case", title="svc-user beside its peers and its limits")
    table.add_column("in flight", justify="right")
    for side in scope.sides:
        table.add_column(side, justify="right")
    for side in others:
        table.add_column(f"÷ {side}", justify="right")
    for case, depth in scope.cells:
        medians = {side: figures.median(case, depth, side) for side in scope.sides}
        ours = medians.get(SVC_USER)
        table.add_row(
            *(case, str(depth)),
            *map(_cell, medians.values()),
            *(_ratio(ours, medians[side]) for side in others),
            end_section=depth == scope.depths[-1],
        )
    return table


def _costs(scope: Scope, figures: Figures) -> Table:
    """What the processes of each side spend on a request: who is to be made cheaper, and by what.

    Where a side keeps as many cores busy as there are, its rate is these over that sum.
    """
    table = Table(
        "case",
        title="Processor time of a request in µs, and the cores that were busy",
        caption=" / ".join(_SPENDERS.values()),
    )
    table.add_column("in flight", justify="right")
    for side in scope.sides:
        table.add_column(side, justify="right")
    for case, depth in scope.cells:
        medians = (figures.median(case, depth, side) for side in scope.sides)
        table.add_row(case, str(depth), *map(_cost, medians), end_section=depth == scope.depths[-1])
    return table


def _floors(figures: Figures) -> Table:
    table = Table("svc-user must reach", title="Floors")
    for heading in ("at least", "reached"):
        table.add_column(heading, justify="right")
    for floor in FLOORS:
        if (reached := floor.reached(figures)) is not None:
            style = "green" if reached >= floor.least else "red"
            table.add_row(str(floor), f"{floor.least:g}", f"[{style}]{reached:.2f}[/]")
    return table


def _faults(figures: Figures) -> Sequence[str]:
    faults = []
    for case, depth, side in figures.measures:
        measure = _median(figures, case, depth, side)
        where = f"{side}, {case}, {depth} in flight"
        if measure.failures:
            faults.append(f"{where}: failed {measure.failures}, first {measure.first_failure}")
        if measure.missing_events:
            faults.append(f"{where}: {measure.missing_events} events never came")
    return faults


def _median(figures: Figures, case: str, depth: int, side: str) -> Measure:
    measure = figures.median(case, depth, side)
    assert measure is not None
    return measure


def _ratio(ours: Measure | None, theirs: Measure | None) -> str:
    if ours is None or theirs is None:
        return "–"  # noqa: RUF001  # what a table has where there is nothing
    return f"{ours.per_second / theirs.per_second:.2f}"


def _cell(measure: Measure | None) -> str:
    if measure is None:
        return "–"  # noqa: RUF001
    return f"{measure.per_second:,.0f}\n{measure.p50_ms:.1f}/{measure.p99_ms:.1f}"


def _cost(measure: Measure | None) -> str:
    if measure is None:
        return "–"  # noqa: RUF001
    cost = measure.cost_us
    shares = (f"{cost[name]:.0f}" if name in cost else "–" for name in _SPENDERS)  # noqa: RUF001
    return f"{sum(cost.values()):,.0f}, {measure.cores:.1f} cores\n{'/'.join(shares)}"
