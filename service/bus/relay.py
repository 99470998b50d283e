"""The relay: what waits in outboxes goes to JetStream, each aggregate's events in order, once each.

An aggregate's events are published oldest first, each only after the one before it was
acknowledged, with the stream sequence of that one as the expected last of the aggregate's subjects.
So the stream itself refuses whatever would be doubled or out of order: a publish that sat in a
buffer over a reconnect, a worker that was frozen and woke up. A refusal, or no answer, means asking
the stream which version it has, and going on from there.

Aggregates run side by side. What is acknowledged goes, in rounds, first into the event log and then
out of the outbox. What this worker gives up on is still in its outbox, where a sweep finds it.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog
from nats.js import JetStreamContext
from opentelemetry.trace import Span, Tracer

from schemas.event import CONTENT_TYPE
from service.bus.connection import Connection
from service.bus.settled import Key, Settled
from service.bus.spans import publishing
from service.bus.stream import OUT_OF_TURN, EventStream, subjects_of
from service.counting import DURATIONS, Histogram
from service.problems import Unavailable
from service.storage.outbox import Entry, Pending, subject_of
from service.storage.settling import Acknowledged, Settler
from service.tracing import end

log = structlog.get_logger()

_MOST_LANES = 20_000
"""Aggregates with events under way at most; those beyond wait for a sweep."""

_MOST_SETTLED = 32
"""The last events of an aggregate that are remembered."""

_ACK_TIMEOUT = 5.0
_SOON = 1.0
_RETRY_PAUSE = 0.5
_MOST_QUESTIONS = 8
"""Times that the stream is asked about one aggregate before it is left to a sweep."""

_QUESTIONS_AT_ONCE = 256
"""A server drops all that wait for JetStream once they are too many."""

_LAGS = (*DURATIONS, *(seconds * 1_000_000_000 for seconds in (5, 10, 30, 60, 300, 1_800)))

_NO_STREAM = 10059
_NOBODY = {"err_code": _NO_STREAM, "description": "no stream takes it"}
"""What NATS's answer where nobody listens on a subject, which has no body, comes to."""


@dataclass(slots=True, eq=False)
class _Lane:
    """One aggregate on its way to the stream."""

    collection: str
    id: str
    partner: str
    service: str
    last_seq: int
    """Stream sequence of the aggregate's last event, as far as is known."""
    passed: int = 0
    """The newest version that the stream is known to have: that of the event at `last_seq`."""
    newest: int = 0
    """The newest version that was submitted.

    Not the same as what has passed: another worker may have published what this one has yet to
    see in an outbox, and to settle.
    """
    waiting: deque[Entry] = field(default_factory=deque)
    under_way: bool = False
    settling: int = 0
    settled: list[str] = field(default_factory=list)
    """The ids of the last events that were given to the settler."""
    questions: int = 0
    finished: asyncio.Future[None] | None = None
    span: Span | None = None
    """That of the event under way."""

    def end_span(self, error: Exception | None = None) -> None:
        if self.span is not None:
            end(self.span, error)
            self.span = None


class Relay:
    """Publishes pending events; safe to run on any number of workers at once."""

    def __init__(
        self,
        connection: Connection,
        jetstream: JetStreamContext,
        stream: str,
        settler: Settler,
        tracer: Tracer | None = None,
    ) -> None:
        self._connection = connection
        self._events = EventStream(jetstream, stream)
        self._stream = stream
        self._settler = settler
        self._tracer = tracer
        self._lanes: dict[Key, _Lane] = {}
        self._settled = Settled()
        self._unacknowledged: dict[bytes, tuple[_Lane, float]] = {}
        self._inbox = b""
        self._published = 0
        self._asking = asyncio.Semaphore(_QUESTIONS_AT_ONCE)
        self._given_up: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self.streamless = False
        """Whether the last event that was answered found no stream."""
        self.lag = Histogram(_LAGS)
        """Nanoseconds from a change to when the stream acknowledged its event."""
        self.given_up = 0
        """How often an aggregate's events were left to a sweep since the start."""

    async def start(self) -> asyncio.Task[None]:
        """Listen for acknowledgements, and give the task that must go on until `stop`."""
        inbox = self._connection.new_inbox()
        await self._connection.listen(f"{inbox}.*", self._acknowledged)
        self._inbox = inbox.encode() + b"."
        watching = self._spawn(self._watch())
        watching.set_name("relay")
        return watching

    async def stop(self, deadline: float) -> None:
        """Wait until nothing is under way, for `deadline` seconds at most."""
        lanes = list(self._lanes.values())
        if lanes:
            finished = [self._finished(lane) for lane in lanes]
            await asyncio.wait(finished, timeout=deadline)
        for task in self._tasks:
            task.cancel()

    @property
    def backlog(self) -> int:
        """Aggregates that have events under way."""
        return len(self._lanes)

    def submit(self, pending: Pending) -> None:
        """Publish these events soon, where that is possible now; else a sweep will."""
        key = (pending.collection, pending.id)
        lane = self._lanes.get(key)
        if lane is None:
            if len(self._lanes) >= _MOST_LANES or not self._connection.is_connected:
                return
            pending = self._settled.left(pending)
            if not pending.entries:
                return
            lane = self._lanes[key] = _Lane(
                pending.collection,
                pending.id,
                pending.partner,
                pending.entries[0]["type"].partition(".")[0],
                pending.after,
            )
        for entry in pending.entries:
            if entry["version"] > lane.newest:
                lane.waiting.append(entry)
                lane.newest = entry["version"]
        if lane.waiting and not lane.under_way:
            self._go_on(lane)

    async def deliver(self, all_pending: Iterable[Pending]) -> None:
        """Submit these, and return when each is done or given up, or is not soon.

        A few that wait for an answer must not keep a sweep from all the others.
        """
        lanes = []
        for pending in all_pending:
            self.submit(pending)
            lane = self._lanes.get((pending.collection, pending.id))
            if lane is not None:
                lanes.append(self._finished(lane))
        if lanes:
            await asyncio.wait(lanes, timeout=_SOON)

    def _finished(self, lane: _Lane) -> asyncio.Future[None]:
        if lane.finished is None:
            lane.finished = asyncio.get_running_loop().create_future()
        return lane.finished

    def _publish(self, lane: _Lane) -> None:
        """Publish the lane's oldest event, expecting what the stream should have before it."""
        entry = lane.waiting[0]
        subject = subject_of(entry, lane.partner, lane.id).encode()
        headers = (
            f"Nats-Msg-Id: {entry['id']}\r\n"
            f"Nats-Expected-Stream: {self._stream}\r\n"
            f"Nats-Expected-Last-Subject-Sequence: {lane.last_seq}\r\n"
            f"Nats-Expected-Last-Subject-Sequence-Subject: {_subjects(lane)}\r\n"
            f"Content-Type: {CONTENT_TYPE}\r\n"
        ).encode()
        if not self._connection.fits(headers, entry["body"]):
            self._give_up(lane, "larger than max_payload")
            return
        self._published += 1
        reply = self._inbox + b"%d" % self._published
        lane.under_way = True
        deadline = time.monotonic() + _ACK_TIMEOUT
        self._unacknowledged[reply] = (lane, deadline)
        if self._tracer is not None:
            lane.span = publishing(self._tracer, entry)
        self._connection.send(subject, entry["body"], headers, reply)

    def _acknowledged(self, subject: bytes, _reply: bytes, headers: bytes, body: bytes) -> None:
        lane, _ = self._unacknowledged.pop(subject, (None, 0.0))
        if lane is None:
            return  # too late: the stream has been asked meanwhile
        answer: dict[str, Any] = orjson.loads(body) if body else {"error": _NOBODY}
        error = answer.get("error")  # to be looked at first: a refusal has a `seq` too, of 0
        self.streamless = error is not None and error.get("err_code") == _NO_STREAM
        if error is None:
            lane.questions = 0
            lane.last_seq = answer["seq"]
            lane.passed = lane.waiting[0]["version"]
            self.lag.add(time.time_ns() - round(lane.waiting[0]["at"].timestamp() * 1e9))
            self._go_on(lane)
        elif error.get("err_code") in OUT_OF_TURN:
            self._spawn(self._ask(lane))
        else:
            self._give_up(lane, error.get("description", "refused"))

    def _go_on(self, lane: _Lane) -> None:
        """Settle what has passed, then publish what comes next."""
        lane.under_way = False
        lane.end_span()
        while lane.waiting and lane.waiting[0]["version"] <= lane.passed:
            self._settle(lane, lane.waiting.popleft())
        if lane.waiting:
            self._publish(lane)
        elif not lane.settling:
            self._close(lane)

    def _settle(self, lane: _Lane, entry: Entry) -> None:
        lane.settling += 1
        lane.settled.append(entry["id"])
        if len(lane.settled) > _MOST_SETTLED:
            del lane.settled[0]
        seq = lane.last_seq if entry["version"] == lane.passed else None
        self._settler.add(
            Acknowledged(lane.collection, lane.id, lane.partner, entry, seq),
            lambda: self._one_settled(lane),
        )

    def _one_settled(self, lane: _Lane) -> None:
        lane.settling -= 1
        if not lane.settling and not lane.waiting:
            self._close(lane)

    def _give_up(self, lane: _Lane, reason: str) -> None:
        self._given_up[reason] += 1
        self.given_up += 1
        lane.end_span(Unavailable())
        # Whoever submits next brings these again, and they must come before what is newer.
        lane.newest = lane.waiting[0]["version"] - 1
        lane.waiting.clear()
        lane.under_way = False
        if not lane.settling:
            self._close(lane)

    def _close(self, lane: _Lane) -> None:
        key = (lane.collection, lane.id)
        self._lanes.pop(key, None)
        if lane.settled:
            self._settled.note(key, lane.settled, lane.passed, lane.last_seq)
        if lane.finished is not None and not lane.finished.done():
            lane.finished.set_result(None)

    async def _ask(self, lane: _Lane) -> None:
        """Ask the stream how far the aggregate is, and go on from there.

        And ask MongoDB what still waits: what another worker has brought to its end meanwhile must
        be neither published again nor logged again, for it may have been erased since.
        """
        lane.questions += 1
        try:
            if lane.questions > _MOST_QUESTIONS:
                raise Unavailable
            if lane.questions > 1:
                await asyncio.sleep(_RETRY_PAUSE)
            async with self._asking:
                seq, version = await self._last(lane)
                asked = {entry["id"] for entry in lane.waiting}
                left = await self._settler.left_in_outbox(lane.collection, lane.id)
        except Exception as error:  # noqa: BLE001  # else the lane would be under way for ever
            self._give_up(lane, type(error).__name__)
            return
        lane.last_seq = seq
        lane.passed = max(lane.passed, version)
        # What was submitted meanwhile may be newer than what was read.
        ended = asked - left
        lane.waiting = deque(entry for entry in lane.waiting if entry["id"] not in ended)
        self._go_on(lane)

    async def _last(self, lane: _Lane) -> tuple[int, int]:
        """Sequence and version of the aggregate's last event in the stream; zeros for none."""
        if not self._connection.is_connected:
            raise Unavailable
        return await self._events.last(_subjects(lane))

    async def _watch(self) -> None:
        """Find the publishes that nobody acknowledged: they may have landed, or may yet."""
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            late = [key for key, (_, deadline) in self._unacknowledged.items() if deadline <= now]
            for key in late:
                lane, _ = self._unacknowledged.pop(key)
                self._spawn(self._ask(lane))
            if self._given_up:
                log.warning("relay_gave_up", aggregates=dict(self._given_up))
                self._given_up.clear()

    def _spawn(self, coroutine: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _subjects(lane: _Lane) -> str:
    return subjects_of(lane.service, lane.partner, lane.id)
