"""Where `svc-user demo` is shown: side by side on a terminal, line after line in a pipe."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from nats.aio.msg import Msg
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from service.command.output import printable
from service.command.watch import event_line

_LONGEST_VALUE = 72
_LINES_AROUND = 14
"""Lines of the screen that are neither the request's nor the reply's."""
_LEAST_LINES = 5
_SIDE_BY_SIDE = 100
"""Columns of a terminal that has room for the events beside the reply."""


class Scene(Protocol):
    """One step as it goes on."""

    def asked(self, subject: str, headers: Mapping[str, str], body: Any) -> None:
        """Show the request."""

    def answered(self, reply: Any, note: str, *, refused: bool) -> None:
        """Show the reply."""

    def happened(self, event: Msg) -> None:
        """Show an event that it has caused."""


class Lines:
    """A scene in plain text."""

    def __init__(self, console: Console, heading: str) -> None:
        self._console = console
        console.print(heading, soft_wrap=True)

    def asked(self, subject: str, headers: Mapping[str, str], body: Any) -> None:
        self._print("→", subject, *_told(headers), json.dumps(_short(body), ensure_ascii=False))

    def answered(self, reply: Any, note: str, *, refused: bool) -> None:
        mark = "✗" if refused else "←"
        self._print(mark, note, json.dumps(_short(reply), ensure_ascii=False))

    def happened(self, event: Msg) -> None:
        self._print("•", event_line(event).plain)

    def _print(self, *words: str) -> None:
        # As it is: nothing that came over the wire is markup, or breaks a line.
        self._console.print(Text("  " + printable("  ".join(words))), soft_wrap=True)


class Stacked:
    """A scene on a narrow terminal: what comes later stands below."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._most = max(_LEAST_LINES, (console.height - _LINES_AROUND) // 2)

    def asked(self, subject: str, headers: Mapping[str, str], body: Any) -> None:
        self._show(_panel(f"→ {subject}", _json(body, self._most, _told(headers)), "none"))

    def answered(self, reply: Any, note: str, *, refused: bool) -> None:
        mark, style = ("✗", "red") if refused else ("←", "green")
        self._show(_panel(f"{mark} {note}", _json(reply, self._most), style))

    def happened(self, event: Msg) -> None:
        self._console.print(_panel("event", event_line(event), "cyan"))

    def _show(self, said: RenderableType) -> None:
        self._console.print(said)


class SideBySide(Stacked):
    """A scene on a wide terminal: the request and its reply, and the events beside them.

    All of it is drawn anew with each part; so it must not be higher than the screen is.
    """

    def __init__(self, console: Console, live: Live) -> None:
        super().__init__(console)
        self._live = live
        self._talk: list[RenderableType] = []
        self._events: list[Text] = []

    def happened(self, event: Msg) -> None:
        self._events.append(event_line(event))
        self._draw()

    def _show(self, said: RenderableType) -> None:
        self._talk.append(said)
        self._draw()

    def _draw(self) -> None:
        columns = Table.grid(expand=True, padding=(0, 1))
        columns.add_column(ratio=3)
        columns.add_column(ratio=2)
        listed = _panel("events", Text("\n\n").join(self._events), "cyan")
        columns.add_row(Group(*self._talk), listed if self._events else "")
        self._live.update(columns, refresh=True)


@contextmanager
def scene(console: Console, heading: str) -> Iterator[Scene]:
    """A scene with this heading, as the console has room for it."""
    if not console.is_terminal:
        yield Lines(console, heading)
        console.print()
        return
    console.rule(Text(heading, "bold"), align="left")
    if console.width < _SIDE_BY_SIDE:
        yield Stacked(console)
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        yield SideBySide(console, live)


def _panel(title: str, text: Text, style: str) -> Panel:
    return Panel(text, title=Text(title), title_align="left", border_style=style)


def _told(headers: Mapping[str, str]) -> list[str]:
    """The headers that say something: the token is told by who asks, the id is made up."""
    return [f"{name}: {value}" for name, value in headers.items()]


def _json(value: Any, most: int, above: Sequence[str] = ()) -> Text:
    lines = json.dumps(_short(value), indent=2, ensure_ascii=False).splitlines()
    shown = lines[:most]
    text = Text("".join(f"{line}\n" for line in above), "dim")
    text.append("\n".join(map(printable, shown)), "default not dim")
    if len(lines) > len(shown):
        text.append(f"\n… {len(lines) - len(shown)} more lines", "dim")
    return text


def _short(value: Any) -> Any:
    """The value with what is too long to be read, such as tokens, cut."""
    match value:
        case dict():
            return {name: _short(each) for name, each in value.items()}
        case list():
            return [_short(each) for each in value]
        case str() if len(value) > _LONGEST_VALUE:
            return f"{value[: _LONGEST_VALUE // 3]}…"
    return value
