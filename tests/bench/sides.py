"""What the comparison knows of a side: its name, and how to measure it in a case."""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from pydantic import BaseModel

from tests.bench.cases import COMMANDS, ENTITY, PAGE, PARTNER, USER, Requests
from tests.bench.cost import LOAD, OWN, Meter, Seconds
from tests.bench.job import Job, Operation, Result
from tests.bench.processes import ChildFailedError, output_of
from tests.bench.rig import Delivery, Rig


class Measure(BaseModel):
    """One measurement. The rate counts the time that the events of the load still took."""

    per_second: float
    p50_ms: float
    p99_ms: float
    lag_ms: float = 0.0
    cost_us: dict[str, float] = {}
    """Processor time of a request that was answered well, by process."""
    cores: float = 0.0
    """How many cores all of these processes had busy together."""
    missing_events: int = 0
    failures: dict[str, int] = {}
    first_failure: str | None = None

    @classmethod
    def of(cls, result: Result, warm_up: float, delivery: Delivery, spent: Seconds) -> "Measure":
        """Charge the lag of the events, which are of the warm-up too, to the rate.

        `spent` is what the whole load took, its events and its warm-up included.
        """
        load = warm_up + result.seconds
        answered = max(1, sum(result.acknowledged.values()))
        return cls(
            per_second=result.per_second * load / (load + delivery.lag),
            p50_ms=result.p50_ms,
            p99_ms=result.p99_ms,
            lag_ms=1000 * delivery.lag,
            cost_us={name: 1e6 * seconds / answered for name, seconds in spent.items()},
            cores=sum(spent.values()) / (load + delivery.lag),
            missing_events=delivery.missing,
            failures=result.failures,
            first_failure=result.first_failure,
        )


@dataclass(frozen=True)
class Timing:
    """How long a side is warmed up and measured, in seconds."""

    seconds: float
    warm_up: float = 0.5


class Side(ABC):
    """One of those that are compared."""

    name: str

    @abstractmethod
    async def measure(self, case: str, in_flight: int, timing: Timing) -> Measure:
        """Load the side with a case and say what came of it."""


@dataclass
class BusSide(Side):
    """A side that is asked over NATS."""

    rig: Rig
    name: str
    prefix: str = ""
    partner: str = PARTNER
    headers: dict[str, str] = field(default_factory=dict)
    stream: str | None = None
    picks: dict[str, list[str]] = field(default_factory=dict)
    pid: int | None = None
    """The side's own process, while one runs."""

    @property
    def requests(self) -> Requests:
        """The operations, their unique values never used before."""
        return Requests(f"{time.time_ns():x}", self.prefix, self.partner, self.headers)

    def operations(self, case: str) -> list[Operation]:
        """Make the operations of a case."""
        return self.requests.of(case)

    def job(self, case: str, in_flight: int, timing: Timing) -> Job:
        """Make the job of a case."""
        return Job(
            url=self.rig.nats,
            operations=self.operations(case),
            picks=self.picks,
            in_flight=in_flight,
            warm_up=timing.warm_up,
            seconds=timing.seconds,
            seed=time.time_ns(),
        )

    async def measure(self, case: str, in_flight: int, timing: Timing) -> Measure:
        before = await self.rig.events(self.stream) if self.stream else 0
        meter = Meter({**self.rig.pids, **({OWN: self.pid} if self.pid else {})})
        result = await self.rig.generate(self.job(case, in_flight, timing))
        delivery = Delivery(0.0, 0)
        if self.stream:
            changes = sum(result.acknowledged.get(name, 0) for name in COMMANDS)
            expected = before + changes
            delivery = await self.rig.delivery(self.stream, expected, result.settled_at)
        spent = meter.spent() | {LOAD: result.cpu_seconds}
        return Measure.of(result, timing.warm_up, delivery, spent)

    async def verify(self) -> None:
        """Make sure that the side does the job: an answer alone does not prove it."""
        user, entity = self.picks[USER][0], self.picks[ENTITY][0]
        got = await self.rig.ask(self.requests.get(), {USER: user})
        listed = await self.rig.ask(self.requests.list20(), {ENTITY: entity})
        if got["id"] != user or len(listed["users"]) != PAGE:
            raise ChildFailedError(f"{self.name} does not do the job: {got} {listed}")


class EchoSide(BusSide):
    """The limit of the bus: any answer will do."""

    def operations(self, case: str) -> list[Operation]:
        return [each.model_copy(update={"expect": ""}) for each in super().operations(case)]


@dataclass
class BareSide(Side):
    """The limit of the store: a process that is its own generator."""

    rig: Rig
    name: str

    async def measure(self, case: str, in_flight: int, timing: Timing) -> Measure:
        # That the process starts, and reads its sample, is in the time of mongod: little of it.
        meter = Meter(self.rig.pids)
        # fmt: off
        output = await output_of(
            "tests.bench.peers.bare", "--mongo", self.rig.mongo, "--name", self.name,
            "--case", case, "--in-flight", str(in_flight),
            "--warm-up", str(timing.warm_up), "--seconds", str(timing.seconds),
        )
        # fmt: on
        result = Result.model_validate_json(output)
        spent = meter.spent() | {OWN: result.cpu_seconds}
        return Measure.of(result, timing.warm_up, Delivery(0.0, 0), spent)
