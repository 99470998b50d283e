"""What a load is, and what came of it: all that passes between the harness and a generator."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt

UNIQUE = "<n>"
"""Stands in a payload where each request has a value of its own, eight hexadecimal digits wide."""


class Message(BaseModel):
    """What is neither changed nor misspelt on its way from one process to the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Operation(Message):
    """One kind of request. The names of `Job.picks` in its payload are drawn anew per request."""

    name: str
    subject: str
    payload: str
    headers: dict[str, str] = {}
    weight: PositiveInt = 1
    expect: str = ""
    """What every good reply contains: an answer without it is a failure."""
    keep: str | None = None
    """The field of the reply to hand back, from one reply in `Job.keep_every`."""


class Job(Message):
    """A load for one generator: closed, with so many in flight, or paced, when it has a rate."""

    url: str
    operations: list[Operation]
    picks: dict[str, list[str]] = {}
    in_flight: PositiveInt = 1
    rate: PositiveFloat | None = None
    """Requests a second, each sent within 2 ms of its time, whether earlier ones were answered."""
    warm_up: float = 0.5
    seconds: PositiveFloat
    requests: PositiveInt | None = None
    """Ends the load before its time is over, once so many were answered."""
    timeout: PositiveFloat = 5.0
    keep_every: PositiveInt = 1
    seed: int = 1
    patient: bool = False
    """Whether a refused request of a closed loop stays away for as long as `Retry-After` says."""


class Result(Message):
    """What was measured between warm-up and end; failures count from the first request on."""

    completed: int
    seconds: float
    """From the end of the warm-up to the end of the load."""
    settled_at: float
    """When the last reply of all was in, in seconds since the epoch."""
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_seconds: float = 0.0
    """The processor time of the process that made the load, warm-up and end included."""
    reply_bytes: int = 0
    """The mean size of a good reply's body."""
    acknowledged: dict[str, int] = {}
    """The good replies to each operation over the whole load, warm-up and end included."""
    failures: dict[str, int] = {}
    refused_p99_ms: float = 0.0
    """How long the callers waited for their refusals."""
    first_failure: str | None = None
    kept: list[str] = []

    @property
    def per_second(self) -> float:
        """The rate at which requests were answered well."""
        return self.completed / self.seconds

    @classmethod
    def of(cls, latencies: Sequence[float], **others: Any) -> Self:
        """Sum up the latencies, given in seconds."""
        ordered = sorted(latencies)
        return cls(
            completed=len(ordered),
            p50_ms=milliseconds(ordered, 0.50),
            p99_ms=milliseconds(ordered, 0.99),
            max_ms=milliseconds(ordered, 1.0),
            **others,
        )


def milliseconds(ordered: Sequence[float], share: float) -> float:
    """The latency that this share of all was not above."""
    if not ordered:
        return 0.0
    return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]
