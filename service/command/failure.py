"""How a command fails: with a sentence on standard error and a status, never with a traceback."""

import errno
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from service.local import LocalServerError
from service.settings import WrongSetting

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


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
        except OSError as error:
            if error.errno not in _FULL:
                raise
            typer.echo(f"svc-user: What is printed cannot be written: {error.strerror}.", err=True)
            # Else Python tries once more as it ends, and says so in its own words.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(Failure.status) from None
