"""`python -m tests.bench.growth`: svc-user as what surrounds it grows.

Beside a partner that floods it, with a second worker, a million requests on, and with more and more
users stored. Every load is bounded and on loopback.
"""

import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tests.bench.cases import CASES
from tests.bench.comparison import Scope
from tests.bench.console import chosen, console
from tests.bench.contenders import SVC_USER, SvcUser
from tests.bench.machine import describe
from tests.bench.parts import PARTS, Bench, Sheet
from tests.bench.rig import rig
from tests.bench.sides import Timing


def main(
    *,
    parts: Annotated[str, typer.Option(help="Parts to measure.")] = ",".join(PARTS),
    sizes: Annotated[str, typer.Option(help="Users stored.")] = "10000,100000,1000000",
    requests: Annotated[int, typer.Option(help="Requests to follow memory over.")] = 1_000_000,
    in_flight: Annotated[str, typer.Option(help="Requests in flight.")] = "1,64,256",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds to take the medians of.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds of each measurement.")] = 2.0,
    folder: Annotated[Path | None, typer.Option(help="Where the servers keep their data.")] = None,
    output: Annotated[Path | None, typer.Option("--json", help="File for all figures.")] = None,
) -> None:
    """Measure what a flood, a second worker, many requests and many users do to svc-user."""
    scope = Scope(
        sides=(SVC_USER,),
        cases=CASES,
        depths=[int(depth) for depth in in_flight.split(",")],
        rounds=rounds,
        timing=Timing(seconds),
        stored=0,
    )
    stored = sorted(int(size) for size in sizes.split(","))
    with tempfile.TemporaryDirectory(prefix="svc-user-growth-", dir=folder) as place:
        machine, sheets = asyncio.run(
            _run(Path(place), chosen(parts, PARTS), scope, stored, requests)
        )
    if output:
        found = {"machine": machine, "parts": [asdict(sheet) for sheet in sheets]}
        output.write_text(json.dumps(found, indent=2) + "\n")


async def _run(
    folder: Path, parts: Sequence[str], scope: Scope, sizes: Sequence[int], requests: int
) -> tuple[dict[str, str], list[Sheet]]:
    sheets = []
    async with rig(folder) as servers:
        machine = await describe(servers)
        console.print(", ".join(f"{name} {value}" for name, value in machine.items()))
        side = SvcUser(servers)
        await side.sign_in()
        async with side.worker() as worker:
            with console.status("filling") as shown:
                bench = Bench(side, worker, scope, sizes, requests, shown.update)
                await bench.fill(sizes[0])
                for part in parts:
                    sheets.append(await PARTS[part](bench))
                    console.print(sheets[-1].table())
    return machine, sheets


if __name__ == "__main__":
    typer.run(main)
