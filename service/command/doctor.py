"""`svc-user doctor`: is everything there that a worker needs, and as it should be?"""

import asyncio
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

from service.command.check_http import check_http, check_traces
from service.command.check_mongo import check_mongo
from service.command.check_nats import check_nats
from service.command.failure import Failure
from service.command.findings import Finding, State, ok, wrong
from service.command.options import DataDir
from service.command.output import new_table, wide_console
from service.command.place import DEFAULT_FOLDER, WHAT_A_WORKER_NEEDS, settings_on
from service.resources import load_catalogue, load_keys, trusted_issuers
from service.settings import Settings, WrongSetting

_STYLE = {State.OK: "green", State.WRONG: "bold red", State.UNKNOWN: "dim"}


def doctor(data_dir: DataDir = DEFAULT_FOLDER) -> None:
    """Look for what is wrong, and say what to do about it.

    Looked at are settings, keys, the catalogue, NATS, the event stream, MongoDB, its indexes, the
    clocks, events that wait too long, the HTTP port and traces. Anything that is wrong makes the
    exit status 1.
    """
    findings = asyncio.run(_examine(data_dir))
    wide_console().print(_table(findings))
    if any(finding.state is State.WRONG for finding in findings):
        raise typer.Exit(1)


async def _examine(folder: Path) -> list[Finding]:
    try:
        settings = settings_on(folder, *WHAT_A_WORKER_NEEDS)
        keys = _keys(settings)
        return [
            ok("settings", f"{len(settings.model_fields_set)} given, the others as usual"),
            keys,
            _catalogue(settings),
            *await check_nats(settings),
            *await check_mongo(settings),
            await check_http(settings),
            check_traces(),
        ]
    except (WrongSetting, Failure) as error:
        return [wrong("settings", str(error), "Correct this first; the rest was not looked at.")]


def _keys(settings: Settings) -> Finding:
    """Look at the key rings.

    Raises: WrongSetting.
    """
    issuers = trusted_issuers(settings, load_keys(settings).signing)
    names = ", ".join(issuer.issuer for issuer in issuers)
    if not issuers and not settings.account_keys:
        advice = "Make a ring with `svc-user keys init`, or set SVC_USER_ISSUERS."
        return wrong("keys", "no issuer is trusted, so no token is accepted", advice)
    return ok("keys", f"{settings.keys_dir}, tokens of {names or 'NATS accounts only'}")


def _catalogue(settings: Settings) -> Finding:
    """Look at the catalogue of notification preferences.

    Raises: WrongSetting.
    """
    triggers = len(load_catalogue(settings).triggers)
    return ok("catalogue", f"{settings.preference_catalogue or 'built in'}, {triggers} triggers")


def _table(findings: list[Finding]) -> Table:
    table = new_table("", "", "found", "what to do")
    for finding in findings:
        state = Text(finding.state, _STYLE[finding.state])
        table.add_row(finding.what, state, finding.found, finding.advice)
    return table
