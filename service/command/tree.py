"""`svc-user tree`: a partner's hierarchy, drawn."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from nats.aio.client import Client
from rich.text import Text

from service.auth.scopes import Scope
from service.command.asking import Record, asked
from service.command.options import DataDir, Domain, Partner
from service.command.output import printable, wide_console
from service.command.place import DEFAULT_FOLDER, settings_on
from service.command.reach import nats_client
from service.command.token import Bearer
from service.settings import Settings

_PAGE = 500


def tree(partner: Partner, domain: Domain = None, data_dir: DataDir = DEFAULT_FOLDER) -> None:
    """Draw a partner's administrators, and the businesses below them.

    The token for it is made with the key in SVC_USER_KEYS_DIR, else with that of `svc-user dev`.
    """
    bearer = Bearer(partner, Scope.READ_BUSINESS, None, None, domain)
    settings = settings_on(data_dir, "nats_url")
    headers = {"Authorization": f"Bearer {bearer.token(data_dir)}"}
    administrators, businesses = asyncio.run(_read(settings, partner, headers))
    console = wide_console()
    for line in drawn(partner, administrators, businesses):
        console.print(line, soft_wrap=True)


def drawn(
    partner: str, administrators: Sequence[Record], businesses: Sequence[Record]
) -> Iterator[Text]:
    """The hierarchy, line by line: administrators, then what has none; each level as it is given.

    Rich's own tree leaves out what is deeper than the terminal is wide.
    """
    labels = {each["administrator_id"]: _administrator_label(each) for each in administrators}
    below: dict[str | None, list[str]] = defaultdict(list, {None: list(labels)})
    labels |= {each["business_id"]: _business_label(each) for each in businesses}
    for business in businesses:
        above = business["parent_id"]
        below[above if above in labels else None].append(business["business_id"])
    yield Text(partner, "bold")
    waiting = _branches(below[None], "")
    while waiting:
        id, branch, indent = waiting.pop()
        yield Text(branch).append_text(labels[id])
        waiting += _branches(below[id], indent)


def _branches(ids: Sequence[str], indent: str) -> list[tuple[str, str, str]]:
    """Nodes of one parent, the first at the end: id, line up to its label, indent below it."""
    branches = [(id, f"{indent}├── ", f"{indent}│   ") for id in ids[:-1]]
    branches += [(id, f"{indent}└── ", f"{indent}    ") for id in ids[-1:]]
    return branches[::-1]


def _administrator_label(administrator: Record) -> Text:
    return _label(
        administrator["business_name"],
        "ADMINISTRATOR",
        administrator["business_ein"],
        administrator["administrator_id"],
    )


def _business_label(business: Record) -> Text:
    return _label(
        business["name"], business["business_type"], business["ein"], business["business_id"]
    )


def _label(name: str, kind: str, ein: str | None, id: str) -> Text:
    label = Text(printable(name))
    label.append(f"  {kind.lower().replace('_', ' ')}", "cyan")
    label.append(f"  {ein}" if ein else "")
    return label.append(f"  {id}", "dim")


async def _read(
    settings: Settings, partner: str, headers: dict[str, str]
) -> tuple[list[Record], list[Record]]:
    async with nats_client(settings) as client:
        administrators = await _listed(client, f"svc.administrator.{partner}.list", headers)
        return administrators, await _listed(client, f"svc.business.{partner}.list", headers)


async def _listed(client: Client, subject: str, headers: dict[str, str]) -> list[Record]:
    """Every record of a list, page after page."""
    records: list[Record] = []
    request: dict[str, Any] = {"limit": _PAGE}
    while True:
        page = await asked(client, subject, request, headers)
        records += page["items"]
        if page["next_cursor"] is None:
            return records
        request["cursor"] = page["next_cursor"]
