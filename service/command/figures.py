"""How the workers are doing: rates, from what each of them has counted at two moments."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

_NANOSECONDS = 1e6
"""In a millisecond."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What has been done since a worker started."""

    requests: int = 0
    errors: int = 0
    nanoseconds: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.requests + other.requests,
            self.errors + other.errors,
            self.nanoseconds + other.nanoseconds,
        )

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(
            self.requests - other.requests,
            self.errors - other.errors,
            self.nanoseconds - other.nanoseconds,
        )


@dataclass(frozen=True, slots=True)
class Stats:
    """A worker's answer to `$SRV.STATS` (ADR-32), and when it came."""

    id: str
    version: str
    started: datetime
    operations: Mapping[str, Counts]
    at: float
    """Seconds of a monotonic clock."""

    @classmethod
    def read(cls, answer: Any, at: float) -> Self:
        """Take an answer apart.

        Raises: KeyError, TypeError, ValueError, where it is not as ADR-32 has it.
        """
        operations = {
            endpoint["name"].replace("-", ".", 1): Counts(
                int(endpoint["num_requests"]),
                int(endpoint["num_errors"]),
                int(endpoint["processing_time"]),
            )
            for endpoint in answer["endpoints"]
        }
        started = datetime.fromisoformat(answer["started"])
        return cls(str(answer["id"]), str(answer["version"]), started, operations, at)

    @property
    def total(self) -> Counts:
        """Of all its operations."""
        return sum(self.operations.values(), Counts())


@dataclass(frozen=True, slots=True)
class Load:
    """What is done in a second; None until there are two moments to compare."""

    requests_per_second: float | None = None
    errors_per_second: float | None = None
    mean_ms: float | None = None
    """Null also where nothing was asked."""

    @classmethod
    def between(cls, done: Counts, seconds: float) -> Self:
        """Of what was done in so many seconds."""
        mean = done.nanoseconds / done.requests / _NANOSECONDS if done.requests > 0 else None
        return cls(done.requests / seconds, done.errors / seconds, mean)


@dataclass(frozen=True, slots=True)
class WorkerFigures:
    """One worker."""

    id: str
    version: str
    uptime_seconds: float
    answers: bool
    """Whether it has answered the last time."""
    requests: int
    errors: int
    load: Load


@dataclass(frozen=True, slots=True)
class OperationFigures:
    """One operation, on all workers that answer."""

    operation: str
    requests: int
    errors: int
    load: Load


@dataclass(frozen=True, slots=True)
class Figures:
    """All of it at one moment; what has most to do comes first."""

    time: datetime
    workers: list[WorkerFigures]
    operations: list[OperationFigures]

    def as_json(self) -> dict[str, Any]:
        """The figures as `--json` has them: a load's beside the others, times as text."""
        return {
            "time": self.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "workers": [_flat(each) for each in self.workers],
            "operations": [_flat(each) for each in self.operations],
        }


@dataclass(slots=True)
class _Seen:
    now: Stats
    before: Stats | None = None
    answers: bool = True

    def since(self, operation: str) -> Counts:
        """What was done of an operation between the two moments."""
        before = self.before.operations if self.before else {}
        return self.now.operations.get(operation, Counts()) - before.get(operation, Counts())


@dataclass(slots=True)
class Watching:
    """The workers as they come and go, from one poll to the next."""

    _seen: dict[str, _Seen] = field(default_factory=dict)

    def take(self, answers: Iterable[Stats]) -> None:
        """Take in the answers to one poll.

        A worker that does not answer is shown so once, and forgotten if it is silent again.
        """
        answered = {answer.id: answer for answer in answers}
        for id, seen in list(self._seen.items()):
            if id not in answered and not seen.answers:
                del self._seen[id]
            seen.answers = id in answered
        for id, now in answered.items():
            known = self._seen.get(id)
            before = known.now if known is not None and _goes_on(known.now, now) else None
            self._seen[id] = _Seen(now, before)

    def figures(self, time: datetime) -> Figures:
        """How they are doing."""
        workers = [_worker(seen, time) for seen in self._seen.values()]
        return Figures(
            time,
            sorted(workers, key=lambda each: (_most_first(each), each.id)),
            sorted(self._operations(), key=lambda each: (_most_first(each), each.operation)),
        )

    def _operations(self) -> Iterable[OperationFigures]:
        answering = [seen for seen in self._seen.values() if seen.answers]
        totals: dict[str, Counts] = {}
        for seen in answering:
            for name, counts in seen.now.operations.items():
                totals[name] = totals.get(name, Counts()) + counts
        compared = [(seen, seen.now.at - seen.before.at) for seen in answering if seen.before]
        for name, total in totals.items():
            load = _together([(seen.since(name), seconds) for seen, seconds in compared])
            yield OperationFigures(name, total.requests, total.errors, load)


def _goes_on(before: Stats, now: Stats) -> bool:
    """Whether both are of the same run of a worker, so that their counts can be compared."""
    return now.started == before.started and now.at > before.at


def _worker(seen: _Seen, time: datetime) -> WorkerFigures:
    now, total = seen.now, seen.now.total
    load = Load()
    if seen.before is not None and seen.answers:
        load = Load.between(total - seen.before.total, now.at - seen.before.at)
    uptime = max(0.0, (time - now.started).total_seconds())
    return WorkerFigures(
        now.id, now.version, round(uptime, 1), seen.answers, total.requests, total.errors, load
    )


def _together(parts: list[tuple[Counts, float]]) -> Load:
    """The load of workers that were each looked at over a time of its own."""
    if not parts:
        return Load()
    each = [Load.between(done, seconds) for done, seconds in parts]
    done = sum((done for done, _ in parts), Counts())
    return Load(
        sum(load.requests_per_second or 0 for load in each),
        sum(load.errors_per_second or 0 for load in each),
        Load.between(done, 1).mean_ms,
    )


def _most_first(figures: WorkerFigures | OperationFigures) -> tuple[float, int]:
    return -(figures.load.requests_per_second or 0), -figures.requests


def _flat(figures: WorkerFigures | OperationFigures) -> dict[str, Any]:
    told: dict[str, Any] = asdict(figures)
    load: dict[str, float | None] = told.pop("load")
    return told | {k: None if v is None else round(v, 3) for k, v in load.items()}
