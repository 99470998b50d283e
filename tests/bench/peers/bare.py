"""The limit of the store: coalesced MongoDB calls in a bare loop, with nothing around them.

No bus, no validation, no tokens, no events: so many callers at once, whose requests of a kind leave
together in one call, the next when all have their answers. It is measured in its own process: told
what to do on its command line, it prints a result as the generator does.
"""

import argparse
import asyncio
import random
import time
from array import array
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import uvloop
from pymongo import ASCENDING, UpdateOne

from tests.bench.cases import PAGE, PARTNER, WEIGHTS
from tests.bench.job import Result
from tests.bench.peers.peer import Options
from tests.bench.peers.users import Document, Users

SAMPLE = 8192

Batch = Callable[[int], Awaitable[object]]


class Store:
    """The calls of the loop, each for a number of callers at once."""

    def __init__(self, users: Users, sample: list[Document]) -> None:
        self._users = users.users
        self._sample = sample

    async def create(self, count: int) -> None:
        """Insert users that nobody has seen yet."""
        entities = random.choices(self._sample, k=count)
        await self._users.insert_many(
            [
                known | {"_id": (new := str(uuid4())), "email": new, "email_key": new}
                for known in entities
            ],
            ordered=False,
        )

    async def update(self, count: int) -> None:
        """Set a field of known users."""
        city = f"Durban {uuid4().hex}"
        changes = {"$set": {"birth_city": city}, "$inc": {"version": 1}}
        await self._users.bulk_write(
            [UpdateOne({"_id": known}, changes) for known in self._ids(count)], ordered=False
        )

    async def get(self, count: int) -> None:
        """Read known users by their ids."""
        await self._users.find({"_id": {"$in": self._ids(count)}}).to_list(None)

    async def list20(self, count: int) -> None:
        """Read the first users of known entities; no call does that for several at once."""
        entities = [user["entity_id"] for user in random.choices(self._sample, k=count)]
        await asyncio.gather(*map(self._page, entities))

    async def _page(self, entity_id: str) -> None:
        found = self._users.find({"partner": PARTNER, "entity_id": entity_id})
        await found.sort("created_at", ASCENDING).limit(PAGE).to_list(PAGE)

    def _ids(self, count: int) -> list[str]:
        return [user["_id"] for user in random.choices(self._sample, k=count)]


async def run(
    options: Options, case: str, in_flight: int, warm_up: float, seconds: float
) -> Result:
    """Go round until the time is over."""
    async with Users.open(options, publish=_nowhere) as users:
        store = Store(users, await users.users.find().limit(SAMPLE).to_list(SAMPLE))
        spent = time.process_time()
        warmed_up = await _loop(store, case, in_flight, warm_up)
        began = time.perf_counter()
        rounds = await _loop(store, case, in_flight, seconds)
        latencies = array("d")
        for latency in rounds:
            latencies.extend([latency] * in_flight)
        return Result.of(
            latencies,
            seconds=time.perf_counter() - began,
            settled_at=time.time(),
            cpu_seconds=time.process_time() - spent,
            acknowledged={case: in_flight * (len(warmed_up) + len(rounds))},
        )


async def _loop(store: Store, case: str, in_flight: int, seconds: float) -> list[float]:
    batches: dict[str, Batch] = {
        "create": store.create,
        "update": store.update,
        "get": store.get,
        "list20": store.list20,
    }
    weights = WEIGHTS.get(case, {case: 1})
    rounds = []
    now = time.perf_counter()
    end = now + seconds
    while now < end:
        drawn = Counter(random.choices(list(weights), list(weights.values()), k=in_flight))
        await asyncio.gather(*(batches[kind](count) for kind, count in drawn.items()))
        before, now = now, time.perf_counter()
        rounds.append(now - before)
    return rounds


async def _nowhere(*event: Any) -> None:
    pass


def main() -> None:
    """Measure one case from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mongo", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--case", required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--warm-up", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    options = Options(nats="", mongo=given.mongo, name=given.name)
    result = run(options, given.case, given.in_flight, given.warm_up, given.seconds)
    print(uvloop.run(result).model_dump_json())


if __name__ == "__main__":
    main()
