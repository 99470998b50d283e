"""How tables and what callers sent are printed, and where."""

from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 160


class PlainTable(Table):
    """A table whose cells are shown as they are: no `[` or `:` in a text is rich's markup."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row, with rich's options."""
        super().add_row(
            *(Text(cell) if isinstance(cell, str) else cell for cell in cells), **options
        )


def wide_console() -> Console:
    """Standard output: as wide as the terminal, or, in a pipe, as what comes after it may want."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)


def new_table(*headings: str) -> PlainTable:
    """A table with these headings and no rows yet."""
    table = PlainTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def printable(text: str) -> str:
    """What a caller sent, for the eye: nothing in it may steer the terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
