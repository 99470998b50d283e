"""The subscriptions: a task for each request under one bound, and an end without a lost one.

nats-py awaits one callback at a time for each subscription, so one slow request would hold up all
others. Here each has a task of its own. Where more want to start than run at once, the partners
take turns; above the bound a request is refused at once, never kept until its caller has left.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import structlog
from nats.aio.subscription import Subscription
from opentelemetry.trace import Tracer

from service.bus.connection import Connection
from service.bus.dispatch import Answer, Dispatcher, partner_in, refusal
from service.bus.overload import Refusals
from service.bus.spans import serving
from service.bus.turnstile import Turnstile
from service.counting import DURATIONS, Histogram
from service.operation import Operation
from service.problems import Internal, Overloaded

log = structlog.get_logger()

QUEUE_GROUP = "svc-user"

AT_ONCE = 64
"""Requests carried out at once where several partners ask: few enough to let a newcomer in."""
ALONE = 256
"""Requests carried out at once where one partner asks: enough to fill the batches."""
_LONGEST_WAIT = 0.25
_WEIGHED_TOGETHER = 32
"""Requests over which it is seen what one costs, at least."""
_WEIGHED_EVERY = 0.02
"""Seconds between two looks, at least: asked under load, the thread's own clock takes 20 µs."""

_NOT_ANSWERED = (b"$", b"evt.", b"svc.")
"""Reply subjects that would make the worker speak in a place that is not the caller's."""


@dataclass(slots=True)
class Endpoint:
    """An operation as this worker serves it, and what it has done so far.

    `$SRV.STATS` (ADR-32) and the metrics both read it here.
    """

    operation: Operation
    durations: Histogram = field(default_factory=lambda: Histogram(DURATIONS))
    """Nanoseconds from a request's arrival to its answer."""
    refusals: dict[int, int] = field(default_factory=dict)
    """How many were refused, by status."""
    last_error: str = ""

    @property
    def requests(self) -> int:
        """All requests that were answered."""
        return self.durations.count

    @property
    def errors(self) -> int:
        """Those of them that were refused."""
        return sum(self.refusals.copy().values())

    def refused(self, status: int, code: str | None) -> None:
        """Count a refusal."""
        self.refusals[status] = self.refusals.get(status, 0) + 1
        self.last_error = f"{status} {code}"


@dataclass(slots=True)
class _Request:
    """A message as it came."""

    endpoint: Endpoint
    subject: bytes
    reply: bytes
    headers: bytes
    body: bytes
    began: int
    """Nanoseconds of the performance counter."""


class Server:
    """Takes requests from the bus, and sends the answers."""

    def __init__(
        self,
        connection: Connection,
        dispatcher: Dispatcher,
        operations: Iterable[Operation],
        bound: int,
        log_queries: bool = False,
        tracer: Tracer | None = None,
    ) -> None:
        self.endpoints = [Endpoint(operation) for operation in operations]
        self._connection = connection
        self._dispatcher = dispatcher
        self.bound = bound
        self._log_queries = log_queries
        self._tracer = tracer
        self._turnstile: Turnstile[_Request] = Turnstile(AT_ONCE, ALONE)
        self._refusals = Refusals()
        self._weighed_at = 0.0
        self._spent = 0.0
        """Seconds of the loop's thread, up to when it was weighed last."""
        self._unweighed = 0
        self._hurrying: asyncio.TimerHandle | None = None
        self._subscriptions: list[Subscription] = []
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self.listens = False
        """Whether it is subscribed, so that requests reach it."""

    async def start(self) -> None:
        """Subscribe, and return once the NATS server knows of it."""
        self._loop = asyncio.get_running_loop()
        self._spent = time.thread_time()
        for endpoint in self.endpoints:
            receive = partial(self._receive, endpoint)
            subject = endpoint.operation.subject
            self._subscriptions.append(await self._connection.listen(subject, receive, QUEUE_GROUP))
        await self._connection.flush()
        self.listens = True

    async def drain(self, deadline: float) -> None:
        """Take no more requests, and answer those that came: for `deadline` seconds at most.

        The connection stays open: handlers still need it for their own requests.
        """
        self.listens = False
        try:
            async with asyncio.timeout(deadline):
                for subscription in self._subscriptions:
                    await self._connection.unlisten(subscription)
                # All that the server had sent before it knew comes before its answer to this.
                await self._connection.flush()
                while self._tasks:
                    await asyncio.wait(self._tasks.values())
        except TimeoutError:
            log.warning("drain_deadline", unanswered=self.in_flight)

    @property
    def in_flight(self) -> int:
        """Requests that have come and are not answered yet."""
        return self.running + self.waiting

    @property
    def running(self) -> int:
        """Those of them that are being carried out."""
        return self._turnstile.running

    @property
    def waiting(self) -> int:
        """Those of them that wait for their turn."""
        return self._turnstile.waiting

    def _receive(
        self, endpoint: Endpoint, subject: bytes, reply: bytes, headers: bytes, body: bytes
    ) -> None:
        began = time.perf_counter_ns()
        if self.in_flight >= self.bound:
            self._refuse(endpoint, reply, headers, began)
            return
        request = _Request(endpoint, subject, reply, headers, body, began)
        partner = subject.split(b".", 3)[2]
        if self._turnstile.enter(partner, request, request.began / 1e9):
            self._start(partner, request)
        elif self._hurrying is None:
            self._watch_queue()

    def _refuse(self, endpoint: Endpoint, reply: bytes, headers: bytes, began: int) -> None:
        if is_answered(reply, endpoint.operation.title):
            told, body = self._refusals.refuse(headers, began / 1e9)
            self._connection.send(reply, body, told)
        endpoint.durations.add(time.perf_counter_ns() - began)
        endpoint.refused(Overloaded.status, Overloaded.code)

    def _start(self, partner: bytes, request: _Request) -> None:
        # The loop itself keeps no task from being collected.
        self._tasks[id(request)] = self._loop.create_task(self._serve(partner, request))

    def _watch_queue(self) -> None:
        self._hurrying = self._loop.call_later(_LONGEST_WAIT, self._hurry)

    def _hurry(self) -> None:
        self._hurrying = None
        for partner, request in self._turnstile.hurry(time.perf_counter() - _LONGEST_WAIT):
            self._start(partner, request)
        if self._turnstile.waiting:
            self._watch_queue()

    async def _serve(self, partner: bytes, request: _Request) -> None:
        try:
            if self._tracer is None:
                answer = await self._dispatcher.answer(
                    request.endpoint.operation, request.subject, request.headers, request.body
                )
            else:
                answer = await self._traced(self._tracer, request)
            self._send(request, answer)
        finally:
            del self._tasks[id(request)]
            now = time.perf_counter()
            self._refusals.done += 1
            self._unweighed += 1
            if self._unweighed >= _WEIGHED_TOGETHER and now - self._weighed_at >= _WEIGHED_EVERY:
                self._weigh(now)
            for other, waiting in self._turnstile.leave(partner, now):
                self._start(other, waiting)

    def _weigh(self, now: float) -> None:
        # The thread's own time: neither what it slept nor what hashing takes beside it.
        spent = time.thread_time()
        self._turnstile.charge((spent - self._spent) / self._unweighed)
        self._spent, self._unweighed, self._weighed_at = spent, 0, now

    async def _traced(self, tracer: Tracer, request: _Request) -> Answer:
        operation = request.endpoint.operation
        with serving(tracer, operation, request.headers, request.began) as span:
            answer = await self._dispatcher.answer(
                operation, request.subject, request.headers, request.body, span.trace
            )
            span.tell(answer)
            return answer

    def _send(self, request: _Request, answer: Answer) -> None:
        endpoint, reply = request.endpoint, request.reply
        if not self._connection.fits(answer.headers, answer.body):
            log.error("reply_too_large", operation=endpoint.operation.title, bytes=len(answer.body))
            answer = refusal(Internal(), answer.request_id, answer.caller)
        if is_answered(reply, endpoint.operation.title):
            self._connection.send(reply, answer.body, answer.headers)
        elapsed = time.perf_counter_ns() - request.began
        endpoint.durations.add(elapsed)
        if answer.status != 200:
            endpoint.refused(answer.status, answer.code)
        self._log(request, answer, elapsed)

    def _log(self, request: _Request, answer: Answer, elapsed: int) -> None:
        """One line for a command or a failure, or for what nobody hears; a query has none else."""
        operation = request.endpoint.operation
        heard = answer.status < 400 or (bool(request.reply) and answer.status < 500)
        quiet = operation.kind == "query" and heard and not self._log_queries
        if quiet:
            return
        log.info(
            "request",
            operation=operation.title,
            partner=partner_in(request.subject),
            request_id=answer.request_id,
            actor=answer.caller.subject,
            status=answer.status,
            code=answer.code,
            ms=round(elapsed / 1e6, 2),
        )


def is_answered(reply: bytes, operation: str) -> bool:
    """Whether the request has a reply subject that may be answered; one that may not is logged."""
    if not reply:
        return False
    allowed = may_answer(reply)
    if not allowed:
        log.warning("reply_subject_refused", operation=operation)
    return allowed


def may_answer(reply: bytes) -> bool:
    """Whether a reply subject is the caller's to name."""
    if reply.startswith(_NOT_ANSWERED):
        return False
    try:
        reply.decode()
    except UnicodeDecodeError:
        return False
    return True
