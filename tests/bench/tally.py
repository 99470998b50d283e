"""The books of a load: what was sent when, what came back, and what did not."""

import json
import re
import time
from array import array
from collections import Counter

from tests.bench.job import Job, Result, milliseconds
from tests.bench.plan import Plan

FAILURE_TEXT_BYTES = 600
RETRY_AFTER = re.compile(rb"retry-after:\s*(\d+)", re.IGNORECASE)
REFUSAL = re.compile(rb"nats-service-error-code:\s*(\d+)|NATS/1\.0 (\d+)", re.IGNORECASE)


class Tally:
    """Counts replies and times them. `started` holds a request's start until it is settled."""

    def __init__(self, job: Job, plan: Plan) -> None:
        self._job = job
        self._plan = plan
        self.started = array("d")
        self.latencies = array("d")
        self.refused = array("d")
        self.staying_away: Counter[int] = Counter()
        """How many of the requests settled last are to be sent again, after how many seconds."""
        self.open = 0
        self._oldest = 0
        self._measuring = False
        self._began = self._ended = 0.0
        self._spent = time.process_time()
        self._acknowledged = [0] * len(job.operations)
        self._body_bytes = 0
        self._failures: Counter[str] = Counter()
        self._first_failure: str | None = None
        self._kept: list[str] = []

    def begin(self) -> None:
        """End the warm-up: from here on replies are measured."""
        self._measuring = True
        self._began = time.perf_counter()

    def end(self) -> None:
        """Measure no more; the replies still to come are only counted."""
        self._measuring = False
        self._ended = time.perf_counter()

    def settle(self, number: int, now: float, header: bytes, body: bytes) -> bool:
        """Book a reply; false when its request had been given up before."""
        start = self.started[number]
        if not start:
            return False
        self.started[number] = 0.0
        self.open -= 1
        kind = self._plan.kinds[number % self._plan.size]
        refusal = REFUSAL.search(header) if header else None
        if refusal or self._plan.expects[kind] not in body:
            if self._measuring:
                self.refused.append(now - start)
            if refusal and self._job.patient and (told := RETRY_AFTER.search(header)):
                self.staying_away[int(told[1])] += 1
            self._fail((refusal[1] or refusal[2]).decode() if refusal else "unexpected", body)
            return True
        self._acknowledged[kind] += 1
        self._body_bytes += len(body)
        if self._measuring:
            self.latencies.append(now - start)
        if (field := self._job.operations[kind].keep) and number % self._job.keep_every == 0:
            self._kept.append(str(json.loads(body)[field]))
        return True

    def expire(self, now: float) -> int:
        """Give up the requests that have waited too long, and say how many those were."""
        before, limit = self.open, now - self._job.timeout
        while self._oldest < len(self.started) and self.started[self._oldest] < limit:
            if self.started[self._oldest]:
                self.started[self._oldest] = 0.0
                self.open -= 1
                self._fail("timeout", b"")
            self._oldest += 1
        return before - self.open

    def result(self) -> Result:
        """Sum up, once every request is settled."""
        return Result.of(
            self.latencies,
            seconds=self._ended - self._began,
            settled_at=time.time(),
            cpu_seconds=time.process_time() - self._spent,
            reply_bytes=self._body_bytes // max(sum(self._acknowledged), 1),
            acknowledged={
                operation.name: count
                for operation, count in zip(self._job.operations, self._acknowledged, strict=True)
            },
            failures=dict(self._failures),
            refused_p99_ms=milliseconds(sorted(self.refused), 0.99),
            first_failure=self._first_failure,
            kept=self._kept,
        )

    def _fail(self, code: str, body: bytes) -> None:
        self._failures[code] += 1
        if self._first_failure is None:
            self._first_failure = f"{code} {body[:FAILURE_TEXT_BYTES].decode(errors='replace')}"
