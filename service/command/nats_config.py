"""`svc-user nats-config`: accounts of NATS in which each partner reaches its own, and no more."""

import re
from pathlib import Path
from typing import Annotated

import typer

from service.auth.scopes import ALL_SCOPES
from service.command.nats_folder import TRUSTED, Credentials, NatsFolder
from service.command.options import Partners, Scopes
from service.command.output import new_table, wide_console

DEFAULT_NATS_FOLDER = Path(".svc-user/nats")
_CONSUMER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def _consumers(values: list[str]) -> list[str]:
    if not all(_CONSUMER.fullmatch(value) for value in values):
        raise typer.BadParameter("a consumer is 1 to 64 of A-Z a-z 0-9 _ -")
    return values


NatsDir = Annotated[
    Path,
    typer.Option("--nats-dir", metavar="DIR", help="The folder with the accounts of NATS."),
]
Consumers = Annotated[
    list[str],
    typer.Option(
        "--consumer",
        metavar="NAME",
        callback=_consumers,
        help="A durable consumer P+NAME for each P of --partner, besides the one that is called P.",
        show_default=False,
    ),
]
Days = Annotated[
    int,
    typer.Option(
        "--days", metavar="N", min=1, max=36_500, help="Days that new credentials are good for."
    ),
]


def nats_config(
    partner: Partners = [],  # noqa: B006  # typer's way to say that there may be none
    consumer: Consumers = [],  # noqa: B006
    scope: Scopes = None,
    days: Days = 365,
    nats_dir: NatsDir = DEFAULT_NATS_FOLDER,
) -> None:
    """Write accounts and credentials, with which each partner reaches its own and no more.

    A partner's credentials let it ask on `svc.*.P.*`, hear `evt.*.P.>`, and fetch from its own
    durable consumers; an inbox of its account is nobody else's. They are also its token, with the
    scopes given. What is in DIR stays as it is, and partners are added to it: those that are there
    need not be named again. Credentials whose file is deleted are made anew.
    """
    if consumer and not partner:
        raise typer.BadParameter("say whose: --partner", param_hint="--consumer")
    folder = NatsFolder(nats_dir)
    scopes = ALL_SCOPES if scope is None else frozenset(scope.split())
    for name in partner:
        folder.add(name)
    folder.write({name: [f"{name}+{each}" for each in consumer] for name in partner})
    named = {name: folder.partner_credentials(name, scopes, days) for name in folder.partners}
    _show([*folder.own_credentials(), *named.values()])
    typer.echo(f"""
Let every nats-server include {nats_dir / "accounts.conf"} (by a path from the file that includes
it), and reload it when it changes. Workers need

  SVC_USER_NATS_CREDS={nats_dir / "service.creds"}
  SVC_USER_NATS_ACCOUNTS_FILE={nats_dir / TRUSTED}

and, once the event stream is there, `svc-user nats-consumers` makes the partners' consumers.""")


def _show(all_credentials: list[Credentials]) -> None:
    table = new_table("credentials", "", "good until")
    for each in all_credentials:
        state = "made" if each.made else "was there, left as it is"
        until = f"{each.until:%Y-%m-%d}" if each.until else "for ever"
        table.add_row(str(each.path), state, until)
    wide_console().print(table)
