"""`python -m tests.bench`: svc-user beside its peers and its limits, on servers of its own."""

import asyncio
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from tests.bench.cases import CASES, OWN_CASES
from tests.bench.comparison import Figures, Scope, compare
from tests.bench.console import chosen, console, steps
from tests.bench.contenders import OPENERS
from tests.bench.machine import describe
from tests.bench.report import as_json, show
from tests.bench.rig import rig
from tests.bench.sides import Timing

ALL_CASES = (*CASES, *OWN_CASES)


def main(
    *,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds to take the medians of.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds of each measurement.")] = 2.0,
    in_flight: Annotated[str, typer.Option(help="Requests in flight.")] = "1,16,64,256",
    cases: Annotated[str, typer.Option(help="Cases to measure.")] = ",".join(ALL_CASES),
    sides: Annotated[str, typer.Option(help="Sides to measure.")] = ",".join(OPENERS),
    stored: Annotated[int, typer.Option(min=40, help="Users stored before it begins.")] = 10_000,
    folder: Annotated[Path | None, typer.Option(help="Where the servers keep their data.")] = None,
    output: Annotated[Path | None, typer.Option("--json", help="File for all figures.")] = None,
    quick: Annotated[bool, typer.Option(help="One short round at 1 and 64 in flight.")] = False,
) -> None:
    """Compare svc-user with its peers and its limits; every load is bounded and on loopback."""
    scope = Scope(
        sides=chosen(sides, OPENERS),
        cases=chosen(cases, ALL_CASES),
        depths=[int(depth) for depth in in_flight.split(",")],
        rounds=rounds,
        timing=Timing(seconds),
        stored=stored,
    )
    if quick:
        scope = replace(scope, rounds=1, timing=Timing(1.0, 0.3), depths=(1, 64), stored=2000)
    with tempfile.TemporaryDirectory(prefix="svc-user-bench-", dir=folder) as place:
        machine, figures = asyncio.run(_run(Path(place), scope))
    show(console, machine, scope, figures)
    if output:
        output.write_text(json.dumps(as_json(machine, scope, figures), indent=2) + "\n")


async def _run(folder: Path, scope: Scope) -> tuple[dict[str, str], Figures]:
    async with rig(folder) as servers:
        machine = await describe(servers)
        with steps(scope.measurements + len(scope.sides)) as on_step:
            return machine, await compare(servers, scope, on_step)


if __name__ == "__main__":
    typer.run(main)
