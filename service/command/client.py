"""`svc-user client`: the partners' systems that may ask for tokens, and their secrets."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from service import resources
from service.auth.scopes import ALL_SCOPES
from service.command.failure import Failure, NoAnswer
from service.command.options import DataDir, Domain, Partner, Scopes, text_wanted
from service.command.output import new_table, printable, wide_console
from service.command.place import DEFAULT_FOLDER, settings_on
from service.problems import Unavailable
from service.tokens.clients import CLIENT_INDEXES, CLIENTS, Clients

T = TypeVar("T")

Name = Annotated[
    str,
    typer.Option(
        "--name",
        metavar="NAME",
        callback=text_wanted,
        help="What the client is, for those who list them.",
    ),
]
ClientId = Annotated[
    str, typer.Argument(metavar="CLIENT_ID", callback=text_wanted, show_default=False)
]


def add_client(
    partner: Partner,
    name: Name = "",
    scope: Scopes = None,
    domain: Domain = None,
    data_dir: DataDir = DEFAULT_FOLDER,
) -> None:
    """Add a client, and print its id and secret.

    The secret is shown this once: what is kept of it is a hash.
    """
    scopes = ALL_SCOPES if scope is None else frozenset(scope.split())

    async def adding(clients: Clients) -> tuple[str, str]:
        return await clients.add(partner, name, scopes, domain, datetime.now(UTC))

    _show_secret(*_with_clients(data_dir, adding))


def list_clients(partner: Partner, data_dir: DataDir = DEFAULT_FOLDER) -> None:
    """List a partner's clients, oldest first; in a pipe, as JSON."""
    found = _with_clients(data_dir, lambda clients: clients.all_of(partner))
    if not sys.stdout.isatty():
        shown = [
            {
                "client_id": each.id,
                "name": each.name,
                "scope": " ".join(sorted(each.scopes)),
                "domain": each.domain,
                "created_at": each.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            }
            for each in found
        ]
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    table = new_table("client_id", "name", "scope", "domain", "created")
    for each in found:
        created = f"{each.created_at:%Y-%m-%d %H:%M}"
        scopes = "all" if each.scopes == ALL_SCOPES else " ".join(sorted(each.scopes))
        table.add_row(each.id, printable(each.name), scopes, each.domain or "", created)
    wide_console().print(table)


def rotate_client(
    client_id: ClientId, partner: Partner, data_dir: DataDir = DEFAULT_FOLDER
) -> None:
    """Give a client another secret, and print it.

    The one from before stops at once; tokens that were issued stay good until they expire.
    """
    secret = _with_clients(data_dir, lambda clients: clients.rotate(partner, client_id))
    if secret is None:
        raise _unknown(client_id, partner)
    _show_secret(client_id, secret)


def remove_client(
    client_id: ClientId, partner: Partner, data_dir: DataDir = DEFAULT_FOLDER
) -> None:
    """Remove a client: its tokens stop working within 5 seconds, those of its users too."""
    now = datetime.now(UTC)
    if not _with_clients(data_dir, lambda clients: clients.remove(partner, client_id, now)):
        raise _unknown(client_id, partner)
    typer.echo(f"{client_id} is removed.")


def _with_clients(folder: Path, work: Callable[[Clients], Awaitable[T]]) -> T:
    """Carry out the work on the clients of the deployment that the settings lead to.

    Raises: WrongSetting; Failure.
    """
    settings = settings_on(folder, "mongo_uri")

    async def carried_out() -> T:
        mongo = resources.open_mongo(settings)
        try:
            # A client may be added before the first worker has been there.
            await mongo.ensure_indexes(CLIENTS, CLIENT_INDEXES)
            return await work(Clients(mongo))
        except Unavailable:
            raise NoAnswer("MongoDB does not answer.") from None
        finally:
            await mongo.close()

    return asyncio.run(carried_out())


def _show_secret(client_id: str, secret: str) -> None:
    if not sys.stdout.isatty():
        typer.echo(json.dumps({"client_id": client_id, "client_secret": secret}))
        return
    typer.echo(f"client_id      {client_id}")
    typer.echo(f"client_secret  {secret}")
    typer.echo("Keep the secret: it is not shown again.", err=True)


def _unknown(client_id: str, partner: str) -> Failure:
    return Failure(f"{partner} has no client {client_id}: see `svc-user client list`.")
