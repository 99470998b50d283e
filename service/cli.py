"""The command `svc-user`: an index of its commands, whose bodies are in `service.command`."""

from typing import Annotated

import typer

from service import __version__
from service.command.call import call
from service.command.client import add_client, list_clients, remove_client, rotate_client
from service.command.demo import demo
from service.command.dev import dev
from service.command.docs import docs
from service.command.doctor import doctor
from service.command.events import replay
from service.command.export import export
from service.command.failure import CommandGroup
from service.command.import_users import import_users
from service.command.keys import init, jwks
from service.command.nats_config import nats_config
from service.command.nats_consumers import nats_consumers
from service.command.operations import operations
from service.command.rotate import rotate
from service.command.serve import serve
from service.command.token import token
from service.command.top import top
from service.command.tree import tree
from service.command.watch import watch

app = typer.Typer(
    name="svc-user",
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
client = typer.Typer(
    no_args_is_help=True, help="Manage the systems of a partner that may ask for tokens."
)
events = typer.Typer(no_args_is_help=True, help="Mend the stream of events.")
keys = typer.Typer(no_args_is_help=True, help="Make and show the keys that a worker needs.")


def _examples(*lines: str) -> str:
    """The end of a command's help; its paragraphs are printed as lines."""
    return "\n\n".join(("Examples:", *lines))


app.command(
    epilog=_examples(
        "svc-user dev",
        "svc-user dev --data-dir /tmp/try --nats-port 0 --mongo-port 0",
    )
)(dev)
app.command(
    epilog=_examples(
        "svc-user serve --data-dir .svc-user",
        "SVC_USER_NATS_URL=nats://nats:4222 SVC_USER_MONGO_URI='mongodb://mongo/?replicaSet=rs0' "
        "SVC_USER_KEYS_DIR=/run/keys svc-user serve",
    )
)(serve)
app.command(
    epilog=_examples(
        "svc-user token --partner acme",
        'svc-user token --partner acme --scope "read:user write:user" --ttl 600',
        "svc-user token --partner acme --user 0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d",
    )
)(token)
app.command(
    epilog=_examples(
        """svc-user call user.exists --partner acme '{"email": "ann@example.com"}'""",
        "svc-user call user.create --partner acme --header Idempotency-Key:42 - < user.json",
    )
)(call)
app.command(
    epilog=_examples(
        "svc-user watch",
        "svc-user watch --partner acme user.created --from-start",
        "svc-user watch --json 0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d",
    )
)(watch)
app.command(epilog=_examples("svc-user demo", "svc-user demo --fast --partner acme | less"))(demo)
app.command(
    "import",
    epilog=_examples(
        "svc-user import users.csv --entity 0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d --partner acme",
        "svc-user import users.csv --entity UUID --partner acme --dry-run --report refused.csv",
        "zcat users.jsonl.gz | svc-user import - --format jsonl --entity UUID --partner acme",
    ),
)(import_users)
app.command(epilog=_examples("svc-user top", "svc-user top --once --json | jq '.operations[0]'"))(
    top
)
app.command(epilog=_examples("svc-user tree --partner acme"))(tree)
app.command(epilog=_examples("svc-user operations", "svc-user operations user.create"))(operations)
app.command(epilog=_examples("svc-user docs", "svc-user docs --output - > catalogue.html"))(docs)
app.command(epilog=_examples("svc-user doctor", "svc-user doctor --data-dir /tmp/try"))(doctor)
app.command(
    "nats-config",
    epilog=_examples(
        "svc-user nats-config --partner acme --partner globex",
        'svc-user nats-config --partner acme --consumer crm --scope "read:user write:user"',
    ),
)(nats_config)
app.command(
    "nats-consumers",
    epilog=_examples(
        "SVC_USER_NATS_URL=nats://nats:4222 SVC_USER_NATS_CREDS=.svc-user/nats/service.creds "
        "svc-user nats-consumers",
    ),
)(nats_consumers)
app.command(
    epilog=_examples(
        "svc-user export --partner acme --person 0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d",
    )
)(export)
events.command(epilog=_examples("svc-user events replay"))(replay)
app.add_typer(events, name="events")
keys.command(epilog=_examples("svc-user keys init --keys-dir /etc/svc-user/keys"))(init)
keys.command(epilog=_examples("svc-user keys jwks > jwks.json"))(jwks)
keys.command(
    epilog=_examples("svc-user keys rotate --signing", "svc-user keys rotate --data --data-dir DIR")
)(rotate)
app.add_typer(keys, name="keys")
client.command(
    "add",
    epilog=_examples(
        "svc-user client add --partner acme --name checkout",
        'svc-user client add --partner acme --scope "read:user write:user" > client.json',
    ),
)(add_client)
client.command("list", epilog=_examples("svc-user client list --partner acme"))(list_clients)
client.command("rotate", epilog=_examples("svc-user client rotate CLIENT_ID --partner acme"))(
    rotate_client
)
client.command("remove", epilog=_examples("svc-user client remove CLIENT_ID --partner acme"))(
    remove_client
)
app.add_typer(client, name="client")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def about(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version, and end."
        ),
    ] = False,
) -> None:
    """Users and identity on a NATS message bus.

    Exit status of every command: 0 when all went well, 1 when the answer is no, 2 when something is
    missing or wrong here, 3 when nobody answers.
    """


def main() -> None:
    """Run the command line."""
    app()
