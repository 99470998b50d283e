"""Revocations: whose tokens have stopped working, known to every worker within 5 seconds.

A revocation is a field of what it follows from (a deactivated user, a session that was refreshed or
revoked, a removed client), written in the same update. A token is checked against all of them when
a worker first sees it; from then on the worker looks every second what is new, and forgets the
tokens of that. How old that knowledge is, is told too: a worker may be frozen, or MongoDB away.
"""

import asyncio
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from service.call import Caller
from service.problems import Unauthenticated, Unavailable
from service.storage.mongo import Document, Mongo
from service.tokens.clients import CLIENTS
from service.tokens.sessions import SESSIONS
from service.users.standing import STANDING, is_good_for
from service.users.store import USERS

_INTERVAL = 1.0
_WATCHED = {
    USERS.collection: timedelta(minutes=5),
    CLIENTS: timedelta(minutes=5),
    SESSIONS.collection: timedelta(seconds=30),
}
"""What is looked at, and how far back each look goes.

A revocation has the time of the worker that writes it. It shows later by as much as the write
takes, as that worker's clock is behind, and as it was frozen between reading its clock and writing.
Users are deactivated and clients removed seldom, so to look back for long costs little; a session
is revoked by each refresh.
"""

_SETTLED = 3.0
"""Seconds that a revocation is told again: a check may have read what was there just before it."""


class Revocations:
    """Reads revocations where they are kept."""

    def __init__(self, mongo: Mongo, clock: Callable[[], datetime]) -> None:
        self._mongo = mongo
        self._clock = clock
        self._found: dict[tuple[str, datetime], float] = {}
        """What was found in the last looks, and when it first was."""
        self._known_at = -math.inf

    @property
    def known_at(self) -> float:
        """When the last look that told of all revocations began, by the monotonic clock."""
        return self._known_at

    async def refuse_revoked(self, caller: Caller) -> None:
        """Refuse a token whose user, session or client does not stand behind it any more.

        A user that does not exist yet has nothing revoked.
        Raises: Unauthenticated, Unavailable.
        """
        user, session, client = await asyncio.gather(
            self._read(USERS.collection, caller.own_id, STANDING),
            self._read(SESSIONS.collection, caller.session, ("ended", "token_id")),
            self._read(CLIENTS, caller.client, ("removed",)),
        )
        issued_at = datetime.fromtimestamp(caller.issued_at, UTC)
        if (
            (user is not None and not is_good_for(user, issued_at))
            or (caller.session is not None and _is_over(session, caller))
            or (client is not None and client["removed"])
        ):
            raise Unauthenticated("The token has been revoked.")

    async def watch(self, forget: Callable[[frozenset[str]], None]) -> None:
        """Tell `forget` for ever of the ids whose tokens must be verified anew."""
        seen = self._clock()
        while True:
            await asyncio.sleep(_INTERVAL)
            began, began_at = self._clock(), time.monotonic()
            try:
                looks = [self._since(name, seen - back) for name, back in _WATCHED.items()]
                found = [document for each in await asyncio.gather(*looks) for document in each]
            except Unavailable:
                continue
            seen = began
            if ids := self._unsettled(found):
                forget(ids)
            self._known_at = began_at

    async def _read(
        self, collection: str, id: str | None, fields: tuple[str, ...]
    ) -> Document | None:
        if id is None:
            return None
        wanted = dict.fromkeys(fields, True)
        found = await self._mongo.find(collection, {"_id": id}, wanted, limit=1)
        return found[0] if found else None

    async def _since(self, collection: str, moment: datetime) -> list[Document]:
        query = {"revoked.at": {"$gt": moment}}
        return await self._mongo.find(collection, query, {"revoked.at": True}, hint="revoked")

    def _unsettled(self, found: list[Document]) -> frozenset[str]:
        """The ids of what is new, or was a moment ago."""
        now = asyncio.get_running_loop().time()
        keys = {(document["_id"], document["revoked"]["at"]) for document in found}
        self._found = {key: self._found.get(key, now) for key in keys}
        return frozenset(id for (id, _), first in self._found.items() if now - first < _SETTLED)


def _is_over(session: Document | None, caller: Caller) -> bool:
    """Whether the session goes on without the token; a client's own has one from its end only."""
    if session is None:
        return caller.own_id is not None
    return bool(session["ended"] or session["token_id"] != caller.token_id)
