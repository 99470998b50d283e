"""`svc-user operations`: what the service can be asked for, all of it or one in full."""

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from service.app import OPERATIONS
from service.auth.scopes import ANYONE, CLIENTS
from service.catalogue.documents import operation_document
from service.catalogue.fields import A_UUID, example_of, fields_of
from service.command.asking import near
from service.command.output import PlainTable, new_table, wide_console
from service.operation import Operation

Title = Annotated[
    str | None,
    typer.Argument(
        metavar="SERVICE.OPERATION", help="The one to show in full.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, with the schemas in it.")]


def operations(operation: Title = None, as_json: AsJson = False) -> None:
    """List the operations, or show one in full.

    In full: its subject, who may ask, its fields with their rules, its refusals, an example.
    """
    if operation is None:
        chosen = list(OPERATIONS)
    else:
        chosen = [each for each in OPERATIONS if each.title == operation]
    if not chosen:
        raise typer.BadParameter(
            f"there is no operation {operation}. {near(operation or '')}",
            param_hint="SERVICE.OPERATION",
        )
    documents = [operation_document(each) for each in chosen]
    if as_json:
        shown: Any = documents if operation is None else documents[0]
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    elif operation is None:
        wide_console().print(_index(chosen))
    else:
        _show(chosen[0], documents[0])


def who(operation: Operation) -> str:
    """Whose token may ask, in a word."""
    if operation.scope == "public":
        return "anyone"
    if operation.callers == ANYONE:
        return "client, user"
    return "client" if operation.callers == CLIENTS else "user"


def _index(chosen: Iterable[Operation]) -> Table:
    table = new_table("subject", "who", "scope", "request", "events")
    table.columns[0].no_wrap = True  # for those who copy it
    for operation in chosen:
        table.add_row(
            operation.subject.replace("*", "<partner>"),
            who(operation),
            operation.rights,
            operation.request.__name__,
            " ".join(event.type for event in operation.emits),
        )
    return table


def _show(operation: Operation, document: Mapping[str, Any]) -> None:
    console = wide_console()
    console.print(Text.assemble((operation.title, "bold"), f"  {operation.description}\n"))
    about = PlainTable.grid(padding=(0, 2))
    about.add_row("subject", document["subject"])
    about.add_row("who", who(operation))
    about.add_row("scope", operation.rights)
    about.add_row("events", " ".join(document["events"]) or "none")
    about.add_row("reply", ", ".join(document["reply"].get("properties", {})))
    for name, text in document["headers"].items():
        if name != "Authorization" or operation.scope != "public":
            about.add_row(name, text)
    console.print(about, _fields(document["request"]), _refusals(document["refusals"]))
    body = json.dumps(example_of(document["request"]), ensure_ascii=False)
    console.print("For example:\n", style="bold")
    # Not through the console: what is to be pasted must not be wrapped.
    user = f" --user {A_UUID}" if who(operation) == "user" else ""
    typer.echo(f"  svc-user call {operation.title} --partner acme{user} {shlex.quote(body)}\n")


def _fields(request: Mapping[str, Any]) -> Table:
    table = new_table("field", "required", "rule", "")
    for field in fields_of(request):
        required = "yes" if field.required else ""
        table.add_row(field.path, required, field.rule, field.description)
    return table


def _refusals(refusals: Iterable[Mapping[str, Any]]) -> Table:
    table = new_table("status", "code", "detail")
    for refusal in refusals:
        table.add_row(str(refusal["status"]), refusal["code"], refusal["detail"])
    return table
