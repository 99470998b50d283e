"""The command line: what was chosen, a bar while it measures, tables wide enough for a file."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from tests.bench.comparison import OnStep

PIPED_WIDTH = 120

console = Console()
if not console.is_terminal:
    console = Console(width=PIPED_WIDTH)  # Whoever pipes a table into a file wants it whole.


@contextmanager
def steps(total: int) -> Iterator[OnStep]:
    """Show a bar that moves on with every step; a step that begins ends the one before."""
    columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, TextColumn("{task.description}"), console=console) as bar:
        task = bar.add_task("starting", total=total)
        begun = -1

        def on_step(what: str) -> None:
            nonlocal begun
            begun += 1
            bar.update(task, completed=begun, description=what)

        yield on_step
        bar.update(task, completed=total, description="done")


def chosen(given: str, known: Collection[str]) -> list[str]:
    """Split a list that an option holds.

    Raises: typer.BadParameter, naming what there is to choose from.
    """
    names = given.split(",")
    if unknown := set(names) - set(known):
        raise typer.BadParameter(f"{', '.join(unknown)}: choose from {', '.join(known)}")
    return names
