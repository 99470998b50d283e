"""What is fuzzed: the worker from its intake on, over a real MongoDB, and what must hold of it."""

import asyncio
import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NoReturn, Self, cast

import structlog
from nats.aio.subscription import Subscription
from nats.errors import ProtocolError
from nats.protocol.parser import Parser
from structlog.testing import capture_logs

from service.app import OPERATIONS
from service.bus.connection import Connection, Receive, _Intake
from service.bus.server import Server, may_answer
from service.logs import redact, renderer
from service.operation import Module
from tests.client import Partner, judged
from tests.deployment import Deployment
from tests.fuzz.choices import Choices
from tests.fuzz.requests import MARK, Maker, Request
from tests.hostile.world import World

CPU_SECONDS = 2.0
"""Of processor time for the requests of one input, which are three at most."""
WALL_SECONDS = 15.0
_RENDERERS = (renderer("json"), renderer("text"))


class Wire(Connection):
    """The worker's connection without a server: what is parsed is what a test gives it."""

    def __init__(self) -> None:
        super().__init__()
        self.sids: dict[str, int] = {}
        self.sent: dict[bytes, list[tuple[bytes, bytes]]] = {}
        self.taken: list[tuple[bytes, bytes, bytes, bytes]] = []

    async def listen(self, subject: str, receive: Receive, queue: str = "") -> Subscription:
        self.sids[subject] = sid = len(self.sids) + 1
        self._receivers[sid] = receive
        return cast(Subscription, None)  # kept to be ended by, and this one never is

    async def flush(self, timeout: int = 10) -> None:  # noqa: ASYNC109  # nats-py's own signature
        """Nothing is on its way to anybody."""

    def send(
        self, subject: bytes, payload: bytes = b"", headers: bytes = b"", reply: bytes = b""
    ) -> None:
        self.sent.setdefault(subject, []).append((headers, payload))

    async def _process_ping(self) -> None:
        """There is nobody to answer."""

    def take(self, *message: bytes) -> None:
        """Keep a message as it was handed over."""
        self.taken.append(cast(Any, message))


@dataclass
class Target:
    """One worker, and what came of everything that it was sent."""

    maker: Maker
    wire: Wire
    server: Server
    outcomes: Counter[str] = field(default_factory=Counter)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @classmethod
    async def on(cls, deployment: Deployment) -> Self:
        """The deployment's worker, behind a wire of its own."""
        maker = Maker(await World.of(Partner(deployment)), deployment.signing_keys)
        wire = Wire()
        dispatcher = deployment.worker.server._dispatcher
        server = Server(wire, dispatcher, OPERATIONS, bound=8, log_queries=True)
        await server.start()
        return cls(maker, wire, server)

    async def run(self, data: bytes) -> None:
        """Do what the bytes come to. Raises: AssertionError, when something does not hold."""
        choices = Choices(data)
        match choices.below(8):
            case 0:
                await parse_anything(choices)
            case 1:
                await parse_frames(choices)
            case _:
                await self._ask(choices)

    async def _ask(self, choices: Choices) -> None:
        """Every request is answered as its operation declares, soon, and is not in the log."""
        count = 1 + choices.below(3) // 2
        inboxes = [b"_INBOX.fuzz.%d" % next(self._numbers) for _ in range(count)]
        requests = [self.maker.request(choices, inbox) for inbox in inboxes]
        self.wire.sent.clear()
        before = time.process_time()
        with capture_logs(processors=[redact]) as lines:
            for each in requests:
                await self.wire._ps.parse(each.frame(self.wire.sids[each.operation.subject]))
            async with asyncio.timeout(WALL_SECONDS):
                while tasks := self.server._tasks:
                    await asyncio.wait(tasks.values())
        assert time.process_time() - before < CPU_SECONDS
        for line in lines:
            check_line(line, requests)
        for each in requests:
            self._judge(each)
            await self._undo(each)
        assert self.wire.sent.keys() <= {each.reply for each in requests}

    def _judge(self, request: Request) -> None:
        answers = self.wire.sent.get(request.reply, [])
        if not request.reply or not may_answer(request.reply):
            assert not answers
            return
        [(head, body)] = answers
        lines = head.decode("ascii").split("\r\n")
        assert lines.pop() == ""
        headers = dict(line.split(": ", 1) for line in lines)
        reply = judged(request.operation, headers, body)
        self.outcomes[f"{reply.status} {'' if reply.status == 200 else reply.errors[0][0]}"] += 1

    async def _undo(self, request: Request) -> None:
        """Take back what would have most of the requests that follow refused alike."""
        partner, user = self.maker.world.partner, {"user_id": self.maker.world.user_id}
        match request.operation.title:
            case "administrator.set_modules":
                modules = {module.value: True for module in Module}
                for domain in ({}, {"administrator_id": self.maker.world.company.admin_id}):
                    body = {"modules": modules} | domain
                    assert (await partner.ask("administrator.set_modules", body)).done
            case "user.deactivate":
                await partner.ask("user.activate", user)
            case "privacy.erase":
                self.maker.world = await World.of(partner)


def check_line(line: Any, requests: list[Request]) -> None:
    """Assert that a line of the log gives nothing away, and is one line of plain text."""
    assert line["event"] not in {"defect", "nats_message_dropped"}, line
    for render in _RENDERERS:
        said = render(None, "info", dict(line))
        said = said.decode() if isinstance(said, bytes) else said
        assert MARK not in said, said
        assert said.isprintable(), said
        assert not any(_secret(each) in said for each in requests), said


def _secret(request: Request) -> str:
    """The end of the request's first token, or what no log has."""
    token = request.headers.partition(b"Bearer ")[2].partition(b"\r\n")[0]
    return token[-40:].decode("ascii", "replace") if len(token) >= 40 else "\0"


def keep_quiet() -> None:
    """Print no line of the log: it is looked at, and there is no end of it."""
    structlog.configure(processors=[_dropped])


def _dropped(*_: object) -> NoReturn:
    raise structlog.DropEvent


class _Ignored(Parser):
    """In the place of nats-py's own parser, for lines that only a trusted server sends."""

    async def parse(self, data: bytes = b"") -> None:
        """Take it in."""


async def parse_anything(choices: Choices) -> None:
    """Bytes that no server sends end in a protocol error, which nats-py reconnects after."""
    wire = Wire()
    wire._receivers[1] = wire.take
    cast(_Intake, wire._ps)._lines = _Ignored(wire)
    try:
        while data := choices.text():
            await wire._ps.parse(b"MSG a 1 " + data if choices.below(2) else data)
    except ProtocolError:
        return
    assert len(wire._ps.buf) < 100_000


async def parse_frames(choices: Choices) -> None:
    """Messages are handed over as they are, whatever is in them and wherever the reads end."""
    wire = Wire()
    wire._receivers[1] = wire.take
    sent, stream = [], b""
    for _ in range(1 + choices.below(4)):
        subject, reply = (_token(choices) for _ in range(2))
        headers, payload = choices.text(), choices.text()
        sent.append((subject, reply, headers, payload))
        stream += Request(OPERATIONS[0], subject, reply, headers, payload).frame(1)
        stream += choices.one_of((b"", b"PING\r\n", b"+OK\r\n"))
    while stream:
        size = 1 + choices.below(64)
        await wire._ps.parse(stream[:size])
        stream = stream[size:]
    assert wire.taken == sent


def _token(choices: Choices) -> bytes:
    return choices.text().translate(None, b" \t\r\n") or b"x"
