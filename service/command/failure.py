"""How a command fails: with a sentence on standard error and a status, never with a traceback."""

from typing import Any

import typer
from typer.core import TyperGroup

from service.local import LocalServerError
from service.settings import WrongSetting


class Failure(Exception):
    """Something is not there or not as it must be; the text says what, and what to do about it."""

    status = 2


class NoAnswer(Failure):
    """Nobody answered: no server, no worker, or not in time."""

    status = 3


class CommandGroup(TyperGroup):
    """Commands whose foreseeable failures end as one sentence."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (Failure, WrongSetting, LocalServerError) as error:
            typer.echo(f"svc-user: {error}", err=True)
            raise typer.Exit(getattr(error, "status", Failure.status)) from None
