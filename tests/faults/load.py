"""Partners under load: they create and update, ask again what was not answered, and keep count."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from tests.client import new_user
from tests.eventually import eventually
from tests.faults.house import PARTNER, House

IN_FLIGHT = 64
REQUEST_SECONDS = 3.5
"""A worker's own limit is 3 s: whoever waited longer was not answered."""
PATIENCE_SECONDS = 180.0
PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a reply promised: from this version on, the user had this first name."""

    user_id: str
    version: int
    first_name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, as it came."""

    status: int
    body: Any
    headers: dict[str, str]


class Load:
    """Clients that ask side by side, each one thing at a time until it knows the outcome."""

    def __init__(self, client: Client, token: str, within: float = REQUEST_SECONDS) -> None:
        """`within` is the seconds after which a request counts as unanswered."""
        self._client = client
        self._token = token
        self._within = within
        self.entity_id = ""
        self._numbers = itertools.count(1)
        self._versions: dict[str, int] = {}
        self._ended = asyncio.Event()
        self._recoveries: list[tuple[float, float | None]] = []
        self.acknowledged: list[Acknowledged] = []
        self.outcomes: Counter[str] = Counter()
        """How often each came: `acknowledged`, `refused`, `unavailable`, `unanswered`."""

    def recovering(self) -> None:
        """Take the time from now, when all is there again, until something is acknowledged."""
        self._recoveries.append((time.monotonic(), None))

    def summary(self) -> str:
        """What came of the requests, and how long after each fault the first was acknowledged."""
        took = [f"{after - at:.1f}" for at, after in self._recoveries if after is not None]
        return f"{dict(self.outcomes)}; acknowledged again after {', '.join(took) or '-'} s"

    async def prepare(self) -> None:
        """Make the entity that all users are of."""
        body = {"entity_type": "business", "registration_number": "1", "trading_name": "Acme"}
        answer = await self.ask_until_answered("entity.create", body, {"Idempotency-Key": "entity"})
        self.entity_id = answer.body["entityId"]

    async def run(self) -> None:
        """Ask until `end` is called, and then until nothing is left unanswered."""
        async with asyncio.TaskGroup() as clients:
            for _ in range(IN_FLIGHT):
                clients.create_task(self._ask_on())

    def end(self) -> None:
        """Begin nothing new."""
        self._ended.set()

    async def progress(self, count: int) -> None:
        """Return when so many more changes have been acknowledged."""
        goal = len(self.acknowledged) + count
        await eventually(
            lambda: len(self.acknowledged) >= goal,
            within=60,
            what=f"{count} more acknowledged ({dict(self.outcomes)})",
        )

    async def hears(self, outcome: str) -> None:
        """Return when one more request has had this outcome."""
        before = self.outcomes[outcome]
        await eventually(lambda: self.outcomes[outcome] > before, what=f"one more {outcome}")

    async def create(self) -> str:
        """Create a user; now and then twice at once under one key, as an impatient caller does."""
        number = next(self._numbers)
        name = f"name-{number}"
        body = new_user(self.entity_id, first_name=name)
        key = {"Idempotency-Key": f"key-{number}"}
        asked = 2 if number % 10 == 0 else 1
        answers = await asyncio.gather(
            *(self.ask_until_answered("user.create", body, key) for _ in range(asked))
        )
        ids = {answer.body["userId"] for answer in answers}
        assert len(ids) == 1, f"one key, and several users: {ids}"
        (user_id,) = ids
        self._acknowledge(user_id, answers[0], name)
        return str(user_id)

    async def update(self, user_id: str, *, headers: dict[str, str] | None = None) -> Answer:
        """Change a user's name to one that it never had."""
        name = f"name-{next(self._numbers)}"
        body = {"user_id": user_id, "first_name": name}
        answer = await self.ask_until_answered("user.update", body, headers)
        if answer.status == 200:
            self._acknowledge(user_id, answer, name)
        return answer

    async def ask(self, title: str, body: Any, headers: dict[str, str] | None = None) -> Answer:
        """Ask once. Raises: nats.errors.Error, OSError: it was not answered."""
        service, _, name = title.partition(".")
        reply = await self._client.request(
            f"svc.{service}.{PARTNER}.{name}",
            orjson.dumps(body),
            timeout=self._within,
            headers={"Authorization": f"Bearer {self._token}", **(headers or {})},
        )
        sent = reply.headers or {}
        status = int(sent.get("Nats-Service-Error-Code", "200"))
        return Answer(status, orjson.loads(reply.data), sent)

    async def ask_until_answered(
        self, title: str, body: Any, headers: dict[str, str] | None = None
    ) -> Answer:
        """Ask until the outcome is known: the same request, again and again."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    answer = await self.ask(title, body, headers)
                except (NatsError, OSError) as error:
                    gone = isinstance(error, NoRespondersError)
                    self.outcomes["no responders" if gone else "unanswered"] += 1
                else:
                    self.outcomes[_outcome(answer)] += 1
                    assert answer.status in {200, 409, 503}, answer
                    if answer.status != 503:
                        return answer
                await asyncio.sleep(PAUSE)

    async def _ask_on(self) -> None:
        while not self._ended.is_set():
            if not self._versions or random.random() < 0.4:
                await self.create()
                continue
            user_id = random.choice(list(self._versions)[-IN_FLIGHT:])
            expected = {"If-Match": str(self._versions[user_id])}
            await self.update(user_id, headers=random.choice([expected, None]))

    def _acknowledge(self, user_id: str, answer: Answer, name: str) -> None:
        version = int(answer.headers["ETag"])
        self._versions[user_id] = max(version, self._versions.get(user_id, 0))
        self.acknowledged.append(Acknowledged(user_id, version, name))
        if self._recoveries and self._recoveries[-1][1] is None:
            self._recoveries[-1] = (self._recoveries[-1][0], time.monotonic())


@asynccontextmanager
async def loaded(house: House, within: float = REQUEST_SECONDS) -> AsyncIterator[Load]:
    """A load that goes on for as long as the block; at its end every request has been answered."""
    load = Load(house.bus, house.token, within)
    await load.prepare()
    async with asyncio.TaskGroup() as group:  # a client that fails ends the block as well
        group.create_task(load.run())
        yield load
        load.end()


def _outcome(answer: Answer) -> str:
    if answer.status == 200:
        return "acknowledged"
    return "unavailable" if answer.status == 503 else "refused"
