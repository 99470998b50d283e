"""Discovery: answers `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS` as NATS services do (ADR-32).

`nats micro ls`, `info`, `stats` and `ping` find the worker by it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from service import __version__
from service.bus.connection import Connection
from service.bus.server import QUEUE_GROUP, Endpoint, Server, is_answered
from service.operation import Operation
from service.wire import to_json

NAME = "svc-user"
DESCRIPTION = "Users and identity: organisations, users, people, accounts, preferences."
_TYPE = "io.nats.micro.v1"


class Discovery:
    """Tells whoever asks what this worker serves, and how it has been doing."""

    def __init__(self, connection: Connection, server: Server, worker_id: str) -> None:
        self._connection = connection
        self._server = server
        self._worker_id = worker_id
        self._started = datetime.now(UTC)

    async def start(self) -> None:
        """Answer to everyone's name, the service's, and this worker's own."""
        answers: dict[str, Callable[[], dict[str, Any]]] = {
            "PING": self.ping,
            "INFO": self.info,
            "STATS": self.stats,
        }
        for verb, answer in answers.items():
            for suffix in ("", f".{NAME}", f".{NAME}.{self._worker_id}"):
                await self._connection.listen(f"$SRV.{verb}{suffix}", partial(self._reply, answer))

    def ping(self) -> dict[str, Any]:
        """That there is such a worker."""
        return self._about("ping_response")

    def info(self) -> dict[str, Any]:
        """What it serves: each endpoint with its subject, scope and schemas."""
        return self._about("info_response") | {
            "description": DESCRIPTION,
            "endpoints": [_info(endpoint.operation) for endpoint in self._server.endpoints],
        }

    def stats(self) -> dict[str, Any]:
        """What it has done: requests, errors and nanoseconds of each endpoint."""
        return self._about("stats_response") | {
            "started": self._started,
            "endpoints": [_stats(endpoint) for endpoint in self._server.endpoints],
        }

    def _about(self, kind: str) -> dict[str, Any]:
        return {
            "type": f"{_TYPE}.{kind}",
            "name": NAME,
            "id": self._worker_id,
            "version": __version__,
            "metadata": {},
        }

    def _reply(
        self,
        answer: Callable[[], dict[str, Any]],
        subject: bytes,
        reply: bytes,
        _headers: bytes,
        _body: bytes,
    ) -> None:
        if is_answered(reply, subject.decode()):
            self._connection.send(reply, to_json(answer()))


def endpoint_name(operation: Operation) -> str:
    """`user-create`: a name in the letters that ADR-32 allows."""
    return f"{operation.service}-{operation.name}"


def _info(operation: Operation) -> dict[str, Any]:
    events = " ".join(event.type for event in operation.emits)
    return {
        "name": endpoint_name(operation),
        "subject": operation.subject,
        "queue_group": QUEUE_GROUP,
        "metadata": {
            "description": operation.description,
            "scope": operation.rights,
            "request": operation.request.__name__,
            "reply": operation.reply.__name__,
            **({"events": events} if events else {}),
        },
    }


def _stats(endpoint: Endpoint) -> dict[str, Any]:
    requests = endpoint.requests
    return {
        "name": endpoint_name(endpoint.operation),
        "subject": endpoint.operation.subject,
        "queue_group": QUEUE_GROUP,
        "num_requests": requests,
        "num_errors": endpoint.errors,
        "last_error": endpoint.last_error,
        "processing_time": endpoint.durations.sum,
        "average_processing_time": endpoint.durations.sum // requests if requests else 0,
    }
