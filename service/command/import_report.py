"""What an import tells: how far it is, what it has refused and why, and what came of it."""

import csv
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from service.command.failure import Failure
from service.command.output import new_table, printable, wide_console
from service.command.sending import Settled
from service.command.user_lines import RefusedLine

_SHOWN = 20
_COLUMNS = ("line", "code", "path", "reason")


class Report:
    """Counts the lines, and keeps of the refused ones what is shown; the file has them all."""

    def __init__(self, file: TextIO | None, *, as_csv: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        self._shown: list[tuple[int, str, str, str]] = []
        self._file = file
        self._rows = csv.writer(file) if file is not None and as_csv else None
        if self._rows is not None:
            self._rows.writerow(_COLUMNS)

    def valid(self) -> None:
        """Count a line that is not to be sent."""
        self.counts["valid"] += 1

    def take(self, told: Settled | RefusedLine) -> None:
        """Count a line, and write down why it is refused.

        Raises: Failure, if that cannot be written.
        """
        if isinstance(told, Settled):
            self.counts[told.fate] += 1
            return
        self.counts["refused"] += 1
        for error in told.errors:
            row = (told.number, error["code"], error["path"] or "", error["message"])
            self._codes[error["code"]] += 1
            if len(self._shown) < _SHOWN:
                self._shown.append(row)
            self._write(row)

    def _write(self, row: tuple[int, str, str, str]) -> None:
        if self._file is None:
            return
        with _writing(self._file.name):
            if self._rows is not None:
                self._rows.writerow(row)
            else:
                told = orjson.dumps(dict(zip(_COLUMNS, row, strict=True)))
                self._file.write(told.decode() + "\n")

    def show(self) -> None:
        """Print the refusals that are shown, and the sum of all."""
        console = wide_console()
        if self._shown:
            table = new_table(*_COLUMNS)
            for line, *texts in sorted(self._shown):
                table.add_row(str(line), *map(printable, texts))
            console.print(table)
        more = sum(self._codes.values()) - len(self._shown)
        if more > 0:
            codes = ", ".join(f"{count:,} {code}" for code, count in self._codes.most_common())
            console.print(f"… and {more:,} more; in all {codes}. --report FILE has them all.\n")
        console.print(self.sentence())

    def sentence(self) -> str:
        """What came of the lines."""
        names = {"created": "imported", "there": "there already", "valid": "valid"}
        parts = [f"{self.counts[key]:,} {name}" for key, name in names.items() if self.counts[key]]
        parts.append(f"{self.counts['refused']:,} refused")
        return f"{self.counts.total():,} lines: {', '.join(parts)}"


@contextmanager
def report_to(path: Path | None, source: BinaryIO) -> Iterator[Report]:
    """A report; its file is CSV if it is called so, else it has a line of JSON for each refusal.

    Raises: Failure, if the file cannot be written, or is the one that is read.
    """
    if path is None:
        yield Report(None, as_csv=False)
        return
    if _is_same_file(path, source):
        raise Failure(f"--report {path} is the file that is read: give another name.")
    with _writing(path):
        file = path.open("w", encoding="utf-8", newline="")
    try:
        yield Report(file, as_csv=path.suffix.lower() == ".csv")
    finally:
        with _writing(path):
            file.close()


@contextmanager
def _writing(path: str | Path) -> Iterator[None]:
    """Raises: Failure, if it cannot be written."""
    try:
        yield
    except OSError as error:
        raise Failure(f"--report {path} cannot be written: {error.strerror}.") from None


def _is_same_file(path: Path, source: BinaryIO) -> bool:
    """Whether both are one file, whatever it is called, that writing would empty."""
    try:
        there, read = path.stat(), os.fstat(source.fileno())
    except OSError:
        return False  # it is not there, or what is read is no file
    return os.path.samestat(there, read) and stat.S_ISREG(there.st_mode)


class Bar:
    """A progress bar on standard error, where that is a terminal."""

    def __init__(self, report: Report, size: int | None) -> None:
        self._report = report
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("", total=size, told="")

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def move(self, bytes_read: int) -> None:
        """Show how far it is."""
        if not self._progress.disable:
            self._progress.update(self._task, completed=bytes_read, told=self._report.sentence())
