"""Where tables are printed."""

from rich.console import Console

_PIPE_WIDTH = 160


def wide_console() -> Console:
    """Standard output: as wide as the terminal, or, in a pipe, as what comes after it may want."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)
