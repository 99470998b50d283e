"""Health: whether a worker lives, and whether it can serve, as its probes are told.

The worker looks at its servers by itself, at its own pace. A probe only reads what was found last,
from another thread: many probes cost no more than one, and one is answered while the loop hangs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from service.bus.connection import Connection
from service.bus.server import Server
from service.problems import Unavailable
from service.storage.mongo import Mongo

OK = "ok"

_BEAT = 0.25
HUNG = 5.0
"""Seconds without a beat after which the loop counts as hanging: nothing in it takes so long."""

_LOOK_EVERY = 1.0
_PATIENCE = 2.0

Checks = dict[str, str]
"""What was looked at, each with `ok` or with what is wrong."""


class Health:
    """How one worker is."""

    def __init__(
        self,
        connection: Connection,
        server: Server,
        mongo: Mongo,
        ask_stream: Callable[[], Awaitable[object]],
        parts: Sequence["asyncio.Task[None]"],
    ) -> None:
        """`parts` are the tasks that must not end; the worker adds to them as it starts."""
        self.draining = False
        """Whether the worker has been told to end."""
        self.late = 0.0
        """Seconds by which the last beat of the loop was late."""
        self._connection = connection
        self._server = server
        self._mongo = mongo
        self._ask_stream = ask_stream
        self._parts = parts
        self._beat = time.monotonic()
        self._found: Checks = {"mongo": "not looked at yet", "stream": "not looked at yet"}

    def live(self) -> Checks:
        """Whether the process is worth keeping: its loop moves, and no part of it has ended."""
        silent = self.silent
        checks = {"loop": OK if silent < HUNG else f"has not moved for {silent:.0f} s"}
        ended = [task.get_name() for task in list(self._parts) if task.done()]
        # Their end is part of the worker's own.
        gone = ended and not self.draining
        checks["parts"] = f"ended: {', '.join(ended)}" if gone else OK
        return checks

    def ready(self) -> Checks:
        """Whether requests are answered: what `live` says, and that all it needs is there."""
        return self.live() | self._bus() | self._found | self._end()

    @property
    def silent(self) -> float:
        """Seconds since the last beat of the loop."""
        return time.monotonic() - self._beat

    async def beat(self) -> None:
        """Show, for ever, that the loop moves, and follow what needs a look that often."""
        while True:
            await asyncio.sleep(_BEAT)
            now = time.monotonic()
            self.late = max(0.0, now - self._beat - _BEAT)
            self._beat = now
            self._mongo.look()

    async def look(self) -> None:
        """Look, for ever, whether MongoDB and the stream are there."""
        while True:
            mongo, stream = await asyncio.gather(self._look_at_mongo(), self._look_at_stream())
            self._found = {"mongo": mongo, "stream": stream}
            await asyncio.sleep(_LOOK_EVERY)

    def _bus(self) -> Checks:
        if not self._connection.is_connected or self._connection.is_deaf:
            return {"nats": "not connected"}
        return {"nats": OK if self._server.listens or self.draining else "not subscribed yet"}

    def _end(self) -> Checks:
        return {"draining": "told to end"} if self.draining else {}

    async def _look_at_mongo(self) -> str:
        try:
            await self._mongo.ping()
        except Unavailable:
            return "does not answer"
        except Exception as error:  # noqa: BLE001  # whatever it is, it is not well
            return type(error).__name__
        return OK

    async def _look_at_stream(self) -> str:
        if not self._connection.is_connected:
            return "not to be asked"
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._ask_stream()
        except NotFoundError:
            return "is not there"
        except (NatsError, TimeoutError):
            return "does not answer"
        except Exception as error:  # noqa: BLE001  # whatever it is, it is not well
            return type(error).__name__
        return OK


def is_well(checks: Checks) -> bool:
    """Whether nothing is wrong."""
    return all(each == OK for each in checks.values())
