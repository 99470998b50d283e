"""`svc-user call`: one request, and its reply."""

import asyncio
import os
import re
import sys
from typing import Annotated

import typer
from nats.aio.msg import Msg
from rich.console import Console

from service.command.asking import REFUSED, ask, is_refusal, near
from service.command.options import DataDir, Domain, Partner, Scopes, Subject, User
from service.command.place import DEFAULT_FOLDER, settings_on
from service.command.reach import nats_client
from service.command.reading import standard_input
from service.command.token import Bearer
from service.settings import Settings

_TITLE = re.compile(r"([a-z_]+)\.([a-z_]+)", re.ASCII)
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) *:([\x20-\x7e]*)", re.ASCII)
_OWN_TOKEN = frozenset({"authorization", "token"})


def _operation(value: str) -> str:
    if not _TITLE.fullmatch(value):
        raise typer.BadParameter(f"SERVICE.OPERATION is wanted. {near(value)}")
    return value


def _headers(values: list[str] | None) -> list[str] | None:
    for value in values or ():
        if not _HEADER.fullmatch(value):
            raise typer.BadParameter(f"`{value}` is not of the form K:V, in ASCII")
    return values


Title = Annotated[
    str, typer.Argument(metavar="SERVICE.OPERATION", callback=_operation, help="What to ask for.")
]
Body = Annotated[
    str,
    typer.Argument(metavar="JSON | -", help="The request, sent as it is; - reads it from stdin."),
]
HeaderList = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        "-H",
        metavar="K:V",
        callback=_headers,
        help="A header to send; may be there more than once.",
    ),
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="S", min=0.001, help="Seconds to wait for the reply.")
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print the reply's headers too, on stderr.")
]


def call(  # noqa: PLR0913, PLR0917  # each is an option of the command
    operation: Title,
    partner: Partner,
    body: Body = "{}",
    header: HeaderList = None,
    scope: Scopes = None,
    user: User = None,
    subject: Subject = None,
    domain: Domain = None,
    timeout: Timeout = 5.0,
    verbose: Verbose = False,
    data_dir: DataDir = DEFAULT_FOLDER,
) -> None:
    """Send one request, and print the reply.

    The reply is in colour on a terminal, and as it came in a pipe. The request goes with a token
    made for it, unless a header Authorization or token is given.

    Exit status: 1 when the request is refused, 2 when something is wrong here, 3 when nobody
    answers.
    """
    bearer = Bearer(partner, scope, user, subject, domain)
    settings = settings_on(data_dir, "nats_url")
    headers = dict(map(_name_and_value, header or ()))
    if not _OWN_TOKEN & {name.lower() for name in headers}:
        headers["Authorization"] = f"Bearer {bearer.token(data_dir)}"
    # What came as bytes that are no text goes on as those bytes: the worker is to judge them.
    payload = standard_input().read() if body == "-" else os.fsencode(body)
    reply = asyncio.run(_ask(settings, operation, partner, payload, headers, timeout))
    if verbose:
        for name, value in (reply.headers or {}).items():
            typer.echo(f"{name}: {value}", err=True)
    _print(reply.data)
    if is_refusal(reply):
        raise typer.Exit(REFUSED)


async def _ask(
    settings: Settings,
    title: str,
    partner: str,
    payload: bytes,
    headers: dict[str, str],
    patience: float,
) -> Msg:
    async with nats_client(settings) as client:
        advice = ", --timeout waits longer"
        return await ask(client, partner, title, payload, headers, patience, advice)


def _name_and_value(header: str) -> tuple[str, str]:
    name, _, value = header.partition(":")
    return name.strip(), value.strip()


def _print(body: bytes) -> None:
    if sys.stdout.isatty():
        try:
            Console().print_json(body.decode())
        except ValueError:  # not JSON, so not an answer of svc-user's
            typer.echo(body)
    else:
        typer.echo(body)
