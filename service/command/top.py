"""`svc-user top`: what all workers are doing, from what they tell of themselves."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from nats.aio.client import Client
from nats.aio.msg import Msg
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from service.bus.discovery import NAME
from service.command.failure import NoAnswer
from service.command.figures import Figures, Load, OperationFigures, Stats, Watching, WorkerFigures
from service.command.options import DataDir
from service.command.output import new_table, printable, wide_console
from service.command.place import DEFAULT_FOLDER, settings_on
from service.command.reach import nats_client, shown
from service.command.running import run_until_told
from service.settings import Settings

_SUBJECT = f"$SRV.STATS.{NAME}"
_LONGEST_COLLECTED = 0.5
"""Seconds that workers have to answer; how many there are, nobody knows."""
_ROWS_AROUND = 9
"""Lines of the screen that are neither a worker nor an operation."""

Interval = Annotated[
    float,
    typer.Option("--interval", "-n", metavar="S", min=0.2, help="Seconds between two looks."),
]
Once = Annotated[
    bool, typer.Option("--once", help="Compare two looks, an interval apart, print, and end.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print each look as it is, on one line of JSON.")
]


def top(
    interval: Interval = 2.0,
    once: Once = False,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_FOLDER,
) -> None:
    """Show what all workers are doing: requests and errors a second, mean time, by load.

    The figures are the workers' own, of the time between two looks, so the first look has none. The
    mean time is from the request's coming to its answer. Ctrl-C ends it.

    Exit status: 3 when no worker answers, with --once.
    """
    settings = settings_on(data_dir, "nats_url")
    if as_json:
        show = _show_lines(settings, interval, once)
    elif once or not sys.stdout.isatty():
        show = _show_tables(settings, interval, once)
    else:
        show = _show_live(settings, interval)
    run_until_told(show)


async def _show_lines(settings: Settings, interval: float, once: bool) -> None:
    async for figures in _looks(settings, interval, once):
        typer.echo(json.dumps(figures.as_json()))


async def _show_tables(settings: Settings, interval: float, once: bool) -> None:
    console = wide_console()
    async for figures in _looks(settings, interval, once):
        console.print(drawn(figures, most=None))


async def _show_live(settings: Settings, interval: float) -> None:
    console = wide_console()
    waiting = Text(f"Asking the workers at {shown(settings.nats_url)} …", "dim")
    with Live(waiting, console=console, screen=True, auto_refresh=False) as live:
        async for figures in _looks(settings, interval, once=False):
            most = max(1, console.size.height - _ROWS_AROUND - len(figures.workers))
            live.update(drawn(figures, most), refresh=True)


async def _looks(settings: Settings, interval: float, once: bool) -> AsyncIterator[Figures]:
    """What is to be shown: every look, or the one that has something to compare with.

    Raises: NoAnswer, for the one look, when there is no worker.
    """
    watching, loop = Watching(), asyncio.get_running_loop()
    collected = min(_LONGEST_COLLECTED, interval / 2)
    async with nats_client(settings, max_reconnect_attempts=-1) as client:
        look = 0
        while True:
            began = loop.time()
            watching.take(await poll(client, collected))
            figures, look = watching.figures(datetime.now(UTC)), look + 1
            if once and not figures.workers:
                raise NoAnswer("No worker answers: start one, with `svc-user dev` or `serve`.")
            if not once or look > 1:
                yield figures
            if once and look > 1:
                return
            await asyncio.sleep(interval - (loop.time() - began))


async def poll(client: Client, patience: float) -> list[Stats]:
    """Ask all workers, and give the answers that come within so many seconds."""
    loop = asyncio.get_running_loop()
    answers: list[Stats] = []

    async def take(message: Msg) -> None:
        try:
            answers.append(Stats.read(json.loads(message.data), loop.time()))
        except (KeyError, TypeError, ValueError, AttributeError):
            return  # that there is nobody, or what no worker of svc-user's has sent

    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, cb=take)
    if client.is_connected:
        await client.publish(_SUBJECT, reply=inbox)
    await asyncio.sleep(patience)
    await subscription.unsubscribe()
    return answers


def drawn(figures: Figures, most: int | None) -> Group:
    """The figures as two tables; of the operations those that were asked for, `most` at most."""
    asked = [each for each in figures.operations if each.requests][:most]
    answering = sum(each.answers for each in figures.workers)
    rate = sum(each.load.requests_per_second or 0 for each in figures.workers)
    head = Text.assemble(
        ("svc-user", "bold cyan"),
        f"  {figures.time:%H:%M:%S}Z  {answering} {'worker' if answering == 1 else 'workers'}",
        f"  {rate:,.1f} requests/s",
    )
    return Group(head, _workers(figures.workers), _operations(asked))


def _workers(workers: list[WorkerFigures]) -> Table:
    table = _table("worker", "version", "uptime")
    for each in workers:
        table.add_row(
            printable(each.id),
            printable(each.version),
            _duration(each.uptime_seconds) if each.answers else "no answer",
            *_cells(each.load, each.requests, each.errors),
            style="" if each.answers else "dim",
        )
    return table


def _operations(operations: list[OperationFigures]) -> Table:
    table = _table("operation")
    for each in operations:
        table.add_row(
            printable(each.operation),
            *_cells(each.load, each.requests, each.errors),
            style="" if each.load.requests_per_second else "dim",
        )
    return table


def _table(*names: str) -> Table:
    table = new_table(*names, "requests/s", "errors/s", "mean ms", "requests", "errors")
    for column in table.columns[-5:]:
        column.justify = "right"
        column.no_wrap = True
    return table


def _cells(load: Load, requests: int, errors: int) -> list[str | Text]:
    rates = [load.requests_per_second, load.errors_per_second]
    shown_rates = ["-" if rate is None else f"{rate:,.1f}" for rate in rates]
    mean = "-" if load.mean_ms is None else f"{load.mean_ms:,.2f}"
    failing = "red" if load.errors_per_second else ""
    return [
        shown_rates[0],
        Text(shown_rates[1], failing),
        mean,
        f"{requests:,}",
        f"{errors:,}",
    ]


def _duration(seconds: float) -> str:
    """`3 d 4:05:06`, the days where there are any."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days} d " * bool(days) + f"{hour}:{minute:02}:{second:02}"
