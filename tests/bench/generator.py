"""The load generator: one connection, raw protocol lines, every reply read.

`python -m tests.bench.generator` takes a job on standard input and gives its result on standard
output, both JSON. It has a process to itself, and does as little per request as Python allows, so
that what it measures is the other side: a generator written on a NATS client is slower than the
services it should measure. Only loopback is spoken to.
"""

import asyncio
import gc
import os
import re
import sys
import time
from typing import cast
from urllib.parse import urlsplit

import uvloop

from tests.bench.job import Job, Result
from tests.bench.plan import Plan, plan_of
from tests.bench.tally import Tally

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
CONNECT_SECONDS = 5.0
SWEEP_SECONDS = 0.2
TICK_SECONDS = 0.002
"""To wake for each of thousands a second would take from the worker the processor that it needs."""
INBOX = f"_B.{os.getpid():x}{time.time_ns():x}."
HELLO = (
    b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,'
    b'"lang":"python","version":"1"}\r\nSUB %b* 1\r\nPING\r\n' % INBOX.encode()
)
LINE = re.compile(
    rb"H?MSG " + re.escape(INBOX.encode()) + rb"(\w{8}) 1 (?:(\d+) )?(\d+)\r\n|([^\r\n]*)\r\n"
)


class Connection(asyncio.Protocol):
    """The wire: sends the plan's requests, books the replies and, in a closed loop, sends on."""

    def __init__(self, tally: Tally, plan: Plan, job: Job) -> None:
        self.tally = tally
        self.plan = plan
        self.closed_loop = job.rate is None
        self.goal = job.requests or sys.maxsize
        self.sending = True
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.reached: asyncio.Future[None] = loop.create_future()
        self.idle: asyncio.Future[None] = loop.create_future()
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce the generator; the server's PONG makes it ready."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it.
        self.transport.write(HELLO)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail whoever waits: a load whose connection ended has no result."""
        for waiter in (self.ready, self.reached, self.idle):
            if not waiter.done():
                waiter.set_exception(error or ConnectionError("the server closed the connection"))

    def send(self, count: int) -> None:
        """Send the next requests in one write."""
        tally, pieces, size = self.tally, self.plan.pieces, self.plan.size
        first = len(tally.started)
        frames = [(b"%08x" % n).join(pieces[n % size]) for n in range(first, first + count)]
        tally.open += count
        tally.started.extend([time.perf_counter()] * count)
        self.transport.write(b"".join(frames))

    def data_received(self, data: bytes) -> None:
        """Book every whole reply in the bytes at hand, and keep what is left for the next."""
        now = time.perf_counter()
        buffer = self._rest + data if self._rest else data
        position = settled = 0
        while line := LINE.match(buffer, position):
            number, header, total, control = line.groups()
            start = line.end()
            if control is not None:
                self._control(control)
                position = start
                continue
            end = start + int(total)
            if end + 2 > len(buffer):
                break
            body = start + int(header) if header else start
            settled += self.tally.settle(int(number, 16), now, buffer[start:body], buffer[body:end])
            position = end + 2
        self._rest = buffer[position:]
        if settled:
            self.go_on(settled)

    def go_on(self, settled: int) -> None:
        """Replace the settled requests in a closed loop, and notice when all is done."""
        if not self.sending:
            if not self.tally.open and not self.idle.done():
                self.idle.set_result(None)
        elif len(self.tally.latencies) >= self.goal:
            if not self.reached.done():
                self.reached.set_result(None)
        elif self.closed_loop:
            self.send(settled - self._stay_away())

    def _stay_away(self) -> int:
        """Send later what was told to come again later, and say how many those are."""
        later = self.tally.staying_away
        loop = asyncio.get_running_loop()
        for seconds, count in later.items():
            loop.call_later(seconds, self._come_again, count)
        away = later.total()
        later.clear()
        return away

    def _come_again(self, count: int) -> None:
        if self.sending:
            self.send(count)

    def _control(self, line: bytes) -> None:
        if line == b"PING":
            self.transport.write(b"PONG\r\n")
        elif line == b"PONG":
            self.ready.set_result(None)
        elif not line.startswith((b"INFO", b"+OK")):
            raise ConnectionError(f"unexpected from the server: {line.decode(errors='replace')}")


async def run(job: Job) -> Result:
    """Warm up, measure until the time is over or the requests are answered, await the rest."""
    address = urlsplit(job.url)
    if address.hostname not in LOOPBACK or address.port is None:
        raise ValueError("the generator speaks to a port on loopback only")
    plan = plan_of(job, INBOX)
    tally = Tally(job, plan)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        lambda: Connection(tally, plan, job), address.hostname, address.port
    )
    async with asyncio.timeout(CONNECT_SECONDS):
        await connection.ready
    background = [asyncio.create_task(_sweep(connection))]
    if job.rate is None:
        connection.send(job.in_flight)
    else:
        background.append(asyncio.create_task(_pace(connection, job.rate)))
    await asyncio.sleep(job.warm_up)
    tally.begin()
    await asyncio.wait([connection.reached], timeout=job.seconds)
    tally.end()
    connection.sending = False
    connection.go_on(0)
    await connection.idle
    for task in background:
        task.cancel()
    return tally.result()


async def _sweep(connection: Connection) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        if expired := connection.tally.expire(time.perf_counter()):
            connection.go_on(expired)


async def _pace(connection: Connection, rate: float) -> None:
    """Send when a request is due, however many are still unanswered: they expire in time."""
    start = time.perf_counter()
    sent = 0
    while connection.sending:
        due = int((time.perf_counter() - start) * rate) + 1 - sent
        connection.send(due)
        sent += due
        await asyncio.sleep(max(TICK_SECONDS, start + sent / rate - time.perf_counter()))


def main() -> None:
    """Do the job on standard input."""
    job = Job.model_validate_json(sys.stdin.buffer.read())
    gc.disable()  # Nothing here makes cycles, and a collection would count as latency.
    print(uvloop.run(run(job)).model_dump_json())


if __name__ == "__main__":
    main()
