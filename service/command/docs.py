"""`svc-user docs`: the catalogue as one HTML page."""

from pathlib import Path
from typing import Annotated

import typer

from service.catalogue.page import page
from service.command.failure import Failure

_DEFAULT = Path("svc-user.html")

Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="FILE", help="The file to write; - for standard output."
    ),
]


def docs(output: Output = _DEFAULT) -> None:
    """Write all operations, events and error codes into one HTML page.

    It needs no network and no second file: open it in any browser, or put it on any web server.
    """
    text = page()
    if str(output) == "-":
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text)
    except OSError as error:
        raise Failure(f"{output} cannot be written: {error.strerror}.") from error
    typer.echo(f"Written to {output}.", err=True)
