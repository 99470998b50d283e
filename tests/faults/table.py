"""What `make faults` prints: the strikes and what recovery took, then what was asked and found."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.faults.audit import Finding, Wrong
from tests.faults.load import Load
from tests.faults.strikes import Kind, Target


@dataclass
class Recoveries:
    """How long each kind of strike was felt once all was there again."""

    seconds: dict[tuple[Kind, Target], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, kind: Kind, target: Target, seconds: float) -> None:
        """Note one."""
        self.seconds[kind, target].append(seconds)

    def table(self) -> Table:
        """A line for each kind of strike against each process."""
        table = Table("what", "to", "times", "median", "longest", title="Time to recover")
        for (kind, target), seconds in sorted(self.seconds.items()):
            took = f"{median(seconds):.1f} s", f"{max(seconds):.1f} s"
            table.add_row(kind, target, str(len(seconds)), *took)
        return table


def outcome(load: Load, findings: list[Finding], events: int) -> Table:
    """What was sent, what came back, and how much of it is not as it was promised."""
    came = load.outcomes
    wrong = Counter(finding.wrong for finding in findings)
    table = Table("", "", title="What came of it", show_header=False)
    for name, count in (
        ("requests sent", sum(came.values())),
        ("acknowledged", came["acknowledged"]),
        ("of these, changes", len(load.acknowledged)),
        ("refused, 4xx", came["refused"]),
        ("refused, 503", came["unavailable"]),
        ("timed out", came["unanswered"]),
        ("found no responders", came["no responders"]),
        ("events told", events),
    ):
        table.add_row(name, f"{count:,}")
    table.add_section()
    for each in Wrong:
        table.add_row(each, f"{wrong[each]:,}")
    return table


def show(*tables: Table) -> None:
    """Print the tables."""
    console = Console(width=130)
    for table in tables:
        console.print(table)
