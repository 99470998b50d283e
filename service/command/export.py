"""`svc-user export`: all that is held on a person, in one file."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from service.auth.scopes import Scope
from service.command.asking import asked
from service.command.options import DataDir, Domain, Partner, Subject, uuid_wanted
from service.command.place import DEFAULT_FOLDER, settings_on
from service.command.private_files import replacing
from service.command.reach import nats_client
from service.command.token import Bearer
from service.settings import Settings

_PAGE = 500

Person = Annotated[
    str,
    typer.Option(
        "--person", metavar="UUID", callback=uuid_wanted, help="The user, or whoever it is."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write it; `person-<id>.json` here if left out.",
        show_default=False,
    ),
]
Unmasked = Annotated[
    bool, typer.Option("--unmasked", help="Have sensitive numbers in it in the clear.")
]


def export(  # each is an option of the command
    person: Person,
    partner: Partner,
    output: Output = None,
    unmasked: Unmasked = False,
    subject: Subject = None,
    domain: Domain = None,
    data_dir: DataDir = DEFAULT_FOLDER,
) -> None:
    """Write all that is held on a person into one JSON file, which only you can read.

    The access log then has that it was exported, by whom the token for it says: --subject, or
    `cli`. The token is made with the key in SVC_USER_KEYS_DIR, else with that of `svc-user dev`.
    """
    scopes = [Scope.ADMIN_PRIVACY, *([Scope.READ_SENSITIVE] if unmasked else [])]
    bearer = Bearer(partner, " ".join(scopes), None, subject, domain)
    settings = settings_on(data_dir, "nats_url")
    headers = {"Authorization": f"Bearer {bearer.token(data_dir)}"}
    path = output or Path(f"person-{person}.json")
    with replacing(path) as file:
        sections = asyncio.run(_read(settings, partner, person, headers))
        whole = {"partner": partner, "person_id": person, "sections": sections}
        json.dump(whole, file, indent=2, ensure_ascii=False)
        file.write("\n")
    found = sum(len(items) for items in sections.values())
    typer.echo(f"{path}: {found} items")


async def _read(
    settings: Settings, partner: str, person_id: str, headers: dict[str, str]
) -> dict[str, list[Any]]:
    """The items of each section, page by page."""
    body: dict[str, Any] = {"person_id": person_id, "limit": _PAGE}
    sections: dict[str, list[Any]] = {}
    async with nats_client(settings) as client:
        while True:
            page = await asked(client, f"svc.privacy.{partner}.export", body, headers)
            for section in page["sections"]:
                sections.setdefault(section, [])
            for item in page["items"]:
                sections[item["section"]].append(item["data"])
            if page["next_cursor"] is None:
                return sections
            body["cursor"] = page["next_cursor"]
