"""`python -m tests.bench.hierarchy`: svc-user's organisation, and its lineages beside its gets.

No peer has one. A lineage is twelve deep; every load is bounded and on loopback.
"""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.table import Table

from tests.bench.cases import PAGE
from tests.bench.comparison import Figures, Scope, measure
from tests.bench.console import console, steps
from tests.bench.contenders import SVC_USER, SvcUser
from tests.bench.job import UNIQUE, Operation
from tests.bench.machine import describe
from tests.bench.rig import rig
from tests.bench.sides import Timing

CASES = ("create", "person", "get", "list20", "lineage")
DEPTH = 12
CHAINS = 20
MOST_OF_A_GET = 2.5
"""What a lineage may cost, alone in flight, in gets."""

_BUSINESS, _PARENT = "<business>", "<parent>"


class Hierarchy(SvcUser):
    """svc-user with chains of businesses in it."""

    async def plant(self) -> None:
        """Create an administrator, chains of employers below it, and a page of children each."""
        key = {"Idempotency-Key": uuid4().hex}
        administrator = self._ask_for(
            "administrator.create",
            administrator_code="bench",
            business_name="Bench",
            business_ein="000000000",
            business_alias="bench",
        ).model_copy(update={"headers": self.headers | key})
        self._admin = (await self.rig.ask(administrator, {}))["administrator_id"]
        self._eins = 0
        chains = [await self._chain() for _ in range(CHAINS)]
        self.picks = {_BUSINESS: [chain[-1] for chain in chains]}
        self.picks[_PARENT] = [chain[0] for chain in chains]
        for parent in self.picks[_PARENT]:
            for _ in range(PAGE):
                await self._employer(parent)

    def operations(self, case: str) -> list[Operation]:
        match case:
            case "create":
                made = self._ask_for(
                    "entity.create",
                    entity_type="business",
                    registration_number=UNIQUE,
                    trading_name="Protea Trading",
                    parent_id=_PARENT,
                )
            case "person":
                user = json.loads(self.requests.create().payload)
                del user["entity_id"]
                made = self._ask_for("entity.create", entity_type="personal", **user)
            case "list20":
                made = self._ask_for("business.list", parent_id=_PARENT, limit=PAGE)
            case _:
                made = self._ask_for(f"business.{case}", business_id=_BUSINESS)
        return [made.model_copy(update={"name": case})]

    async def _chain(self) -> list[str]:
        ids = [await self._employer(self._admin)]
        while len(ids) < DEPTH:
            ids.append(await self._employer(ids[-1]))
        return ids

    async def _employer(self, parent_id: str) -> str:
        self._eins += 1
        employer = self._ask_for(
            "business.create",
            name="Protea Mining",
            alias="protea",
            ein=f"{self._eins:09}",
            admin_id=self._admin,
            business_type="EMPLOYER",
            parent_id=parent_id,
        )
        id: str = (await self.rig.ask(employer, {}))["business_id"]
        return id

    def _ask_for(self, title: str, /, **body: object) -> Operation:
        service, _, name = title.partition(".")
        return Operation(
            name=name,
            subject=f"svc.{service}.{self.partner}.{name}",
            payload=json.dumps(body, separators=(",", ":")),
            headers=self.headers,
        )


def main(
    *,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds to take the medians of.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds of each measurement.")] = 2.0,
    in_flight: Annotated[str, typer.Option(help="Requests in flight.")] = "1,64",
    folder: Annotated[Path | None, typer.Option(help="Where the servers keep their data.")] = None,
) -> None:
    """Measure creates, gets, lists and lineages of businesses, and personal entities."""
    scope = Scope(
        sides=(SVC_USER,),
        cases=CASES,
        depths=[int(depth) for depth in in_flight.split(",")],
        rounds=rounds,
        timing=Timing(seconds),
        stored=0,
    )
    with tempfile.TemporaryDirectory(prefix="svc-user-hierarchy-", dir=folder) as place:
        machine, figures = asyncio.run(_run(Path(place), scope))
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()))
    console.print(_table(scope, figures))


async def _run(folder: Path, scope: Scope) -> tuple[dict[str, str], Figures]:
    async with rig(folder) as servers:
        side = Hierarchy(servers)
        await side.sign_in()
        async with side.worker():
            await side.plant()
            with steps(scope.measurements) as on_step:
                return await describe(servers), await measure([side], scope, on_step)


def _table(scope: Scope, figures: Figures) -> Table:
    table = Table("case", "in flight", "a second", "p50 ms", "p99 ms", "gets", "failures")
    for case, depth in scope.cells:
        ours = figures.median(case, depth, SVC_USER)
        get = figures.median("get", depth, SVC_USER)
        if ours is None or get is None:
            continue
        gets = ours.p50_ms / get.p50_ms
        late = case == "lineage" and depth == 1 and gets > MOST_OF_A_GET
        table.add_row(
            case,
            str(depth),
            f"{ours.per_second:,.0f}",
            f"{ours.p50_ms:.2f}",
            f"{ours.p99_ms:.2f}",
            f"{gets:.2f}",
            ours.first_failure or "",
            style="red" if late or ours.failures else None,
        )
    return table


if __name__ == "__main__":
    typer.run(main)
