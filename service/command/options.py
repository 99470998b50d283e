"""The options that more than one command has, each with its check."""

import re
from pathlib import Path
from typing import Annotated

import typer

from schemas.base import CANONICAL_UUID
from service.auth.scopes import ALL_SCOPES
from service.bus.dispatch import PARTNER

_UUID = re.compile(CANONICAL_UUID)
_SUBJECT = re.compile(r"[\x21-\x7e]{1,256}", re.ASCII)


def _partner(value: str | None) -> str | None:
    if value is not None and not PARTNER.fullmatch(value):
        raise typer.BadParameter("a partner is 1 to 64 of A-Z a-z 0-9 _ -")
    return value


def _partners(values: list[str]) -> list[str]:
    for value in values:
        _partner(value)
    return values


def _scopes(value: str | None) -> str | None:
    unknown = sorted(set((value or "").split()) - ALL_SCOPES)
    if unknown:
        known = " ".join(sorted(ALL_SCOPES))
        raise typer.BadParameter(
            f"no scope is called {' or '.join(unknown)}. All there are: {known}"
        )
    return value


def uuid_wanted(value: str | None) -> str | None:
    """Check that an option's value is a UUID."""
    if value is not None and not _UUID.fullmatch(value):
        raise typer.BadParameter("a UUID in lower case with its hyphens is wanted")
    return value


def _subject(value: str | None) -> str | None:
    if value is not None and not _SUBJECT.fullmatch(value):
        raise typer.BadParameter("a subject is 1 to 256 visible ASCII characters")
    return value


def text_wanted(value: str) -> str:
    """Check that what came as bytes is text."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("text in UTF-8 is wanted") from None
    return value


DataDir = Annotated[
    Path,
    typer.Option("--data-dir", metavar="DIR", help="The data folder of `svc-user dev`."),
]
Partner = Annotated[
    str, typer.Option("--partner", metavar="P", callback=_partner, help="The partner (tenant).")
]
Partners = Annotated[
    list[str],
    typer.Option(
        "--partner",
        metavar="P",
        callback=_partners,
        help="A partner (tenant); give it again for more.",
        show_default=False,
    ),
]
OnePartner = Annotated[
    str | None,
    typer.Option("--partner", metavar="P", callback=_partner, help="Only this partner's."),
]
Scopes = Annotated[
    str | None,
    typer.Option(
        "--scope",
        metavar='"A B"',
        callback=_scopes,
        help="The token's scopes, separated by spaces; all of them if left out.",
        show_default=False,
    ),
]
User = Annotated[
    str | None,
    typer.Option(
        "--user",
        metavar="UUID",
        callback=uuid_wanted,
        help="Make a user's own token, of a user that exists or of none yet.",
    ),
]
Subject = Annotated[
    str | None,
    typer.Option(
        "--subject",
        metavar="NAME",
        callback=_subject,
        help="The `sub` of a client's token; `cli` if left out.",
    ),
]
Domain = Annotated[
    str | None,
    typer.Option(
        "--domain",
        metavar="UUID",
        callback=uuid_wanted,
        help="Let the token see only what lies under this administrator.",
    ),
]
Entity = Annotated[
    str,
    typer.Option(
        "--entity", metavar="UUID", callback=uuid_wanted, help="The business entity they belong to."
    ),
]
Ttl = Annotated[
    int, typer.Option("--ttl", metavar="S", min=1, help="Seconds that the token is good for.")
]
