"""A worker that answers as a test tells it to, on a real NATS server."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg

PARTNER = "acme"


@dataclass
class Answer:
    """What to answer a request with; without a status, nothing."""

    status: int | None = 200
    code: str = ""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    async def give(self, nats: NatsClient, message: Msg) -> None:
        """Answer the message."""
        if self.status is None:
            return
        headers, body = dict(self.headers), self.body
        if self.status != 200:
            headers["Nats-Service-Error-Code"] = str(self.status)
            error: dict[str, Any] = {
                "code": self.code,
                "message": "no",
                "path": None,
                "arguments": [],
            }
            body = {
                "type": "about:blank",
                "title": "No",
                "status": self.status,
                "detail": "no",
                "instance": "request-1",
                "errors": [error],
            }
        await nats.publish(message.reply, orjson.dumps(body), headers=headers)


class ScriptedWorker:
    """Answers an operation's requests one after the other; the last answer stays."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self._nats: NatsClient
        self.requests: list[Msg] = []
        self.times: list[float] = []

    async def listen(self, nats: NatsClient, subject: str) -> None:
        """Take the requests on the subject."""
        self._nats = nats
        await nats.subscribe(subject, cb=self._answer)
        await nats.flush()

    def header(self, name: str) -> set[str]:
        """The header in all requests."""
        return {(request.headers or {}).get(name, "") for request in self.requests}

    async def _answer(self, message: Msg) -> None:
        self.requests.append(message)
        self.times.append(asyncio.get_running_loop().time())
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        await answer.give(self._nats, message)
