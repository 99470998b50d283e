"""Failed attempts: a few at once, then one every few seconds, for each client and e-mail.

An attempt is charged before it is judged, in one atomic update that every worker shares, so a
thousand at once are no more than a few. One that succeeds is given back, with those before it, and
so is one that is not judged, alone. The wait is never longer
than one attempt's: whoever knows the right code gets through as soon as the guessing stops, and
nobody without the client's own secret can make the wait of that client and e-mail any longer.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog

from service.bounded import Bounded
from service.problems import Problem, RateLimited, Unavailable
from service.storage.errors import Duplicate
from service.storage.kind import Index
from service.storage.mongo import Document, Mongo
from service.storage.sealing import Sealer

log = structlog.get_logger()

ATTEMPTS = "attempts"
ATTEMPT_INDEXES = (Index("expired", ("until",), expires=True),)

_AT_ONCE = 10
_EACH = timedelta(seconds=3)

_MOST_REMEMBERED = 10_000

_GIVING_BACK_SECONDS = 0.3
"""What a request whose time is up may still take for it, if its 503 is to come in time."""


class Attempts:
    """Admits an attempt or refuses it unseen."""

    def __init__(self, mongo: Mongo, sealer: Sealer) -> None:
        self._mongo = mongo
        self._sealer = sealer
        self._closed: Bounded[bytes, datetime] = Bounded(_MOST_REMEMBERED)
        """Until when attempts are refused without asking the database."""
        self.refused = 0
        """Attempts refused by this worker since its start."""

    async def charge(self, now: datetime, *of: str) -> None:
        """Charge one attempt at what `of` names, such as a partner, a client and an e-mail.

        Raises: RateLimited, when there were too many; Unavailable.
        """
        key = self._key(of)
        opens = self._closed.get(key)
        if opens is None or opens <= now:
            opens = await self._charged(key, now)
        if opens is not None:
            self.refused += 1
            # Attempts are charged in another order than they came: one that came later may have
            # moved `opens` on, and this one's own `now` then lies too far back to count from.
            wait = min(opens - now, _EACH)
            raise RateLimited(retry_after=math.ceil(wait.total_seconds()))

    @asynccontextmanager
    async def charging(self, now: datetime, *of: str) -> AsyncIterator[None]:
        """Charge one attempt, and give it back where the block ends without a verdict.

        A verdict is the block's end, or a refusal that is not a 503.
        Raises: RateLimited, Unavailable; what the block raises.
        """
        await self.charge(now, *of)
        try:
            yield
        except BaseException as error:
            judged = isinstance(error, Problem) and error.status != HTTPStatus.SERVICE_UNAVAILABLE
            if not judged:
                await self._give_back(self._key(of))
            raise

    async def forgive(self, *of: str) -> None:
        """Forget the attempts that were charged: the last one was right.

        Raises: Unavailable.
        """
        key = self._key(of)
        self._closed.pop(key, None)
        await self._mongo.delete(ATTEMPTS, {"_id": key})

    async def _charged(self, key: bytes, now: datetime) -> datetime | None:
        """Charge an attempt; None, or from when on the next one is admitted."""
        # `until` is when all that was charged will have been worked off (GCRA, ITU-T I.371).
        limit = now + (_AT_ONCE - 1) * _EACH
        charged = {"$add": ["$until", round(_EACH.total_seconds() * 1_000)]}
        pipeline: list[Document] = [
            {"$set": {"until": {"$max": ["$until", now]}}},
            {"$set": {"admitted": {"$lte": ["$until", limit]}}},
            {
                "$set": {
                    "until": {"$cond": ["$admitted", charged, "$until"]},
                    "count": {"$add": [{"$ifNull": ["$count", 0]}, 1]},
                }
            },
        ]
        try:
            document = await self._mongo.upsert(ATTEMPTS, {"_id": key}, pipeline)
        except Duplicate:  # another made it at the same time: it is there now
            document = await self._mongo.upsert(ATTEMPTS, {"_id": key}, pipeline)
        self._closed.pop(key, None)
        if document["admitted"]:
            return None
        opens: datetime = document["until"] - (_AT_ONCE - 1) * _EACH
        log.warning("attempts_refused", attempts=document["count"])
        self._closed[key] = opens
        return opens

    async def _give_back(self, key: bytes) -> None:
        """Take one attempt off, as far as that can be done at once."""
        pipeline: list[Document] = [
            {
                "$set": {
                    "until": {"$subtract": ["$until", round(_EACH.total_seconds() * 1_000)]},
                    "count": {"$subtract": ["$count", 1]},
                }
            }
        ]
        self._closed.pop(key, None)
        with suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(_GIVING_BACK_SECONDS):
                await self._mongo.update_all(ATTEMPTS, {"_id": key}, pipeline)

    def _key(self, of: tuple[str, ...]) -> bytes:
        return self._sealer.keyed_hash("\n".join(("attempts", *of)).encode())
