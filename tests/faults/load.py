"""Partners under load: they create and update, ask again what was not answered, and keep count."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

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
    """What a reply promised: that this request made this version of an aggregate.

    Which aggregate, the event tells that has the request's id. A reply may tell no version.
    """

    title: str
    request_id: str
    version: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, as it came."""

    status: int
    body: Any
    headers: dict[str, str]


class Load:
    """Clients that ask side by side, each one thing at a time until it knows the outcome."""

    def __init__(
        self,
        client: Client,
        token: str,
        within: float = REQUEST_SECONDS,
        journeys: Sequence[Callable[["Load"], Awaitable[object]]] = (),
        in_flight: int = IN_FLIGHT,
    ) -> None:
        """`within` is the seconds after which a request counts as unanswered.

        `journeys` are what a client does, one after another; without them it makes users.
        """
        self._client = client
        self._token = token
        self._within = within
        self._in_flight = in_flight
        self._journeys = journeys or (Load.make_or_change_user,)
        self.entity_id = ""
        self._numbers = itertools.count(1)
        self._versions: dict[str, int] = {}
        self._ended = asyncio.Event()
        self._recoveries: list[tuple[float, float | None]] = []
        self.acknowledged: list[Acknowledged] = []
        self.sent: set[str] = set()
        """The ids of all requests."""
        self.refused: set[str] = set()
        """The ids of the requests that were refused, and never heard anything else."""
        self.erased: set[str] = set()
        """The ids of the requests whose events were erased with whom they were about."""
        self.failed: list[float] = []
        """When those were sent that got no answer, or a 503."""
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
        answer = await self.change("entity.create", body, key="entity")
        self.entity_id = answer.body["entityId"]

    async def run(self) -> None:
        """Ask until `end` is called, and then until nothing is left unanswered."""
        async with asyncio.TaskGroup() as clients:
            for _ in range(self._in_flight):
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
        body = new_user(self.entity_id, first_name=f"name-{number}")
        asked, id = 2 if number % 10 == 0 else 1, str(uuid4())
        answers = await asyncio.gather(
            *(self.change("user.create", body, key=id, request_id=id) for _ in range(asked))
        )
        ids = {answer.body["userId"] for answer in answers}
        assert len(ids) == 1, f"one key, and several users: {ids}"
        (user_id,) = ids
        self._know(user_id, answers[0])
        return str(user_id)

    async def update(self, user_id: str, *, headers: dict[str, str] | None = None) -> Answer:
        """Change a user's name to one that it never had."""
        body = {"user_id": user_id, "first_name": f"name-{next(self._numbers)}"}
        answer = await self.change("user.update", body, headers=headers)
        if answer.status == 200:
            self._know(user_id, answer)
        return answer

    async def make_or_change_user(self) -> None:
        """Make a user, or change one of those that others change as well."""
        if not self._versions or random.random() < 0.4:
            await self.create()
            return
        user_id = random.choice(list(self._versions)[-IN_FLIGHT:])
        expected = {"If-Match": str(self._versions[user_id])}
        await self.update(user_id, headers=random.choice([expected, None]))

    async def change(
        self,
        title: str,
        body: Any,
        *,
        key: str | None = None,
        token: str | None = None,
        request_id: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Ask for a change until its outcome is known, and keep what was acknowledged."""
        id = request_id or str(uuid4())
        sent = {"X-Request-Id": id, **({"Idempotency-Key": key} if key else {}), **(headers or {})}
        answer, tries = await self._asked(title, body, sent, token)
        if answer.status == 200:
            version = answer.headers.get("ETag")
            self._acknowledge(Acknowledged(title, id, int(version) if version else None))
        elif tries == 1:
            self.refused.add(id)
        return answer

    async def ask(
        self,
        title: str,
        body: Any,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> Answer:
        """Ask once. Raises: nats.errors.Error, OSError: it was not answered."""
        service, _, name = title.partition(".")
        asked = {"Authorization": f"Bearer {token or self._token}", "X-Request-Id": str(uuid4())}
        asked |= headers or {}
        self.sent.add(asked["X-Request-Id"])
        reply = await self._client.request(
            f"svc.{service}.{PARTNER}.{name}",
            orjson.dumps(body),
            timeout=self._within,
            headers=asked,
        )
        sent = reply.headers or {}
        status = int(sent.get("Nats-Service-Error-Code", "200"))
        return Answer(status, orjson.loads(reply.data), sent)

    async def ask_until_answered(
        self,
        title: str,
        body: Any,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> Answer:
        """Ask until the outcome is known: the same request, again and again."""
        return (await self._asked(title, body, headers, token))[0]

    async def _asked(
        self, title: str, body: Any, headers: dict[str, str] | None, token: str | None
    ) -> tuple[Answer, int]:
        """The outcome, and how often it had to be asked for."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            for tries in itertools.count(1):
                began = time.monotonic()
                try:
                    answer = await self.ask(title, body, headers, token)
                except (NatsError, OSError) as error:
                    gone = isinstance(error, NoRespondersError)
                    self.outcomes["no responders" if gone else "unanswered"] += 1
                else:
                    self.outcomes[_outcome(answer)] += 1
                    # What was carried out, and not answered, may be refused the second time.
                    right = {200, 409, 503} if tries == 1 else {200, 401, 404, 409, 503}
                    assert answer.status in right, (title, body, answer)
                    if answer.status != 503:
                        return answer, tries
                self.failed.append(began)
                await asyncio.sleep(PAUSE)
        raise AssertionError("without an end")

    async def _ask_on(self) -> None:
        while not self._ended.is_set():
            await random.choice(self._journeys)(self)

    def _know(self, user_id: str, answer: Answer) -> None:
        version = int(answer.headers["ETag"])
        self._versions[user_id] = max(version, self._versions.get(user_id, 0))

    def _acknowledge(self, acknowledged: Acknowledged) -> None:
        self.acknowledged.append(acknowledged)
        if self._recoveries and self._recoveries[-1][1] is None:
            self._recoveries[-1] = (self._recoveries[-1][0], time.monotonic())


@asynccontextmanager
async def loaded(house: House, within: float = REQUEST_SECONDS) -> AsyncIterator[Load]:
    """A load that goes on for as long as the block; at its end every request has been answered."""
    load = Load(house.bus, house.token, within)
    async with going_on(load):
        yield load


@asynccontextmanager
async def going_on(load: Load) -> AsyncIterator[None]:
    """Let the load go on for as long as the block."""
    await load.prepare()
    async with asyncio.TaskGroup() as group:  # a client that fails ends the block as well
        group.create_task(load.run())
        yield
        load.end()


def _outcome(answer: Answer) -> str:
    if answer.status == 200:
        return "acknowledged"
    return "unavailable" if answer.status == 503 else "refused"
