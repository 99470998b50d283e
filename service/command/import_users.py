"""`svc-user import`: a file of users into an entity; to do so again changes nothing."""

import asyncio
import os
import stat
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from service.auth.rings import DATA
from service.auth.scopes import Scope
from service.command.asking import REFUSED
from service.command.failure import Failure, NoAnswer
from service.command.import_report import Bar, Report, report_to
from service.command.options import DataDir, Entity, Partner
from service.command.place import DEFAULT_FOLDER, keys_folder, settings_on
from service.command.reach import nats_client
from service.command.reading import ReadAhead, standard_input
from service.command.running import run_until_told
from service.command.sending import Hopeless, Sender, Settled, settle_all
from service.command.token import Bearer
from service.command.user_lines import Format, RefusedLine, UserFile, UserLine
from service.settings import Settings
from service.storage.sealing import DataKeys, Sealer

_INTERRUPTED = 130
"""What a shell says of a program that a Ctrl-C ended."""
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}

File = Annotated[
    str, typer.Argument(metavar="FILE | -", help="The file; - reads stdin.", show_default=False)
]
FormatName = Annotated[
    Format | None,
    typer.Option("--format", help="What FILE is; by its suffix if left out.", show_default=False),
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Write every refusal there: as CSV for .csv, else as lines of JSON.",
    ),
]
InFlight = Annotated[
    int, typer.Option("--in-flight", metavar="N", min=1, max=512, help="Requests sent at once.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Look for mistakes only; send nothing.")]


def import_users(
    file: File,
    entity: Entity,
    partner: Partner,
    format: FormatName = None,  # noqa: A002  # the name that the help shows
    report: ReportFile = None,
    in_flight: InFlight = 64,
    dry_run: DryRun = False,
    data_dir: DataDir = DEFAULT_FOLDER,
) -> None:
    """Create users from a file: CSV with a header, or a JSON object on each line.

    The names are the fields of `svc.user`'s `create`, an address's as `address.city`; in CSV
    `First Name` does as well as `first_name`, and so do usual names such as `surname`, `phone` and
    `dob`. An empty cell is a field that is left out. The separator is a comma, semicolon or tab.

    Each line is checked here before it is sent. Safe to run again, also after it was interrupted:
    a line that is in already is told from its content, and nothing is created twice. But of a user
    who was erased since, nothing is known any more: take such lines out of the file first.

    Exit status: 1 when a line was refused, 2 when the file or something else here is wrong, 3 when
    nobody answers, 130 after Ctrl-C.
    """
    stream, name = _opened(file)
    users = UserFile(stream, name, format or _form_of(file), entity)
    ended = _Ended()
    with report_to(report, stream) as told:
        with Bar(told, _size(stream)) as bar:
            if dry_run:
                work = _judge(users, told, bar)
            else:
                importing = _Import(partner, data_dir, in_flight)
                work = importing.run(users, told, bar)
            run_until_told(ended.noted(work))
        if ended.status != _INTERRUPTED:
            stream.close()  # else it may still be read from, and closing it would wait for that
        told.show()
    if ended.why:
        typer.echo(f"svc-user: {ended.why}", err=True)
    if ended.status or told.counts["refused"]:
        raise typer.Exit(ended.status or REFUSED)


class _Ended:
    """How the work has ended: by itself, or before, and why."""

    def __init__(self) -> None:
        self.status = 0
        self.why = ""

    async def noted(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry it out."""
        try:
            await work
        except asyncio.CancelledError:
            self.status, self.why = _INTERRUPTED, "Interrupted. Run the same again to go on."
        except Hopeless as refusal:
            self.status, self.why = REFUSED, f"{refusal} Every line would be refused so."
        except NoAnswer as failure:
            self.status, self.why = failure.status, f"{failure} Run the same again to go on."


class _Import:
    """The import of a file into the deployment that the settings lead to."""

    def __init__(self, partner: str, folder: Path, in_flight: int) -> None:
        """Find the servers and the keys.

        Raises: WrongSetting; Failure.
        """
        self._partner = partner
        self._folder = folder
        self._in_flight = in_flight
        self._settings: Settings = settings_on(folder, "nats_url")
        self._sealer = _sealer(keys_folder(folder))
        self._bearer = Bearer(partner, Scope.WRITE_USER, None, None, None)
        self._token()

    async def run(self, users: UserFile, report: Report, bar: Bar) -> None:
        """Send its users.

        Raises: NoAnswer, Hopeless; Failure, if the file cannot be read.
        """

        def take(told: Settled | RefusedLine) -> None:
            report.take(told)
            bar.move(users.bytes_read)

        async with nats_client(self._settings, max_reconnect_attempts=-1) as client:
            sender = Sender(client, self._partner, self._key, self._token)
            await settle_all(sender, ReadAhead(users), take, self._in_flight)

    def _token(self) -> str:
        return self._bearer.token(self._folder)

    def _key(self, line: UserLine) -> str:
        """The line's Idempotency-Key: the same whenever, wherever in a file and however written.

        It is kept in the open beside the user, so it is of no use to guess numbers by.
        """
        content = f"import\n{self._partner}\n{line.content}"
        return f"import-{self._sealer.keyed_hash(content.encode()).hex()}"


async def _judge(users: UserFile, report: Report, bar: Bar) -> None:
    async for line in ReadAhead(users):
        if isinstance(line, RefusedLine):
            report.take(line)
        else:
            report.valid()
        bar.move(users.bytes_read)


def _opened(file: str) -> tuple[BinaryIO, str]:
    """The file, and what to call it.

    Raises: Failure.
    """
    if file == "-":
        try:
            # Another object than sys.stdin's own, which must not be in use when Python ends.
            return os.fdopen(os.dup(standard_input().fileno()), "rb"), "stdin"
        except OSError:
            return standard_input(), "stdin"  # which is not the process's
    try:
        return Path(file).open("rb"), file
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.") from None


def _form_of(file: str) -> Format:
    form = _SUFFIXES.get(Path(file).suffix.lower())
    if form is None:
        raise typer.BadParameter(
            f"{file} says by no suffix what it is: csv or jsonl?", param_hint="--format"
        )
    return form


def _size(stream: BinaryIO) -> int | None:
    """The file's bytes, where that is known before it is read."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _sealer(folder: Path) -> Sealer:
    try:
        return Sealer(DataKeys.load(folder / DATA))
    except (OSError, ValueError) as error:
        raise Failure(
            f"The data keys cannot be read, which an import knows its lines again by: {error}."
        ) from None
