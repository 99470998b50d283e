"""Revocations: whose tokens have stopped working, known to every worker within 5 seconds.

A revocation is a field of what it follows from (a deactivated user), written in the same update.
A user's token is checked against it when a worker first sees the token; from then on the worker
looks every second whose revocations are new, and forgets the tokens of those.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from service.call import Caller
from service.problems import Unauthenticated, Unavailable
from service.storage.mongo import Mongo
from service.users.store import USERS

_INTERVAL = 1.0
_OVERLAP = timedelta(seconds=30)
"""How far back each look goes: writes take time to show, and clocks differ."""


class Revocations:
    """Reads revocations where they are kept."""

    def __init__(self, mongo: Mongo, clock: Callable[[], datetime]) -> None:
        self._mongo = mongo
        self._clock = clock

    async def refuse_revoked(self, caller: Caller) -> None:
        """Refuse a user's token whose user is not active, or that is older than a revocation.

        A user that does not exist yet has nothing revoked.
        Raises: Unauthenticated, Unavailable.
        """
        if caller.own_id is None:
            return
        found = await self._mongo.find(
            USERS.collection, {"_id": caller.own_id}, {"active": True, "revoked": True}, limit=1
        )
        if not found:
            return
        user = found[0]
        revoked = user.get("revoked")
        if not user["active"] or (revoked and caller.issued_at < revoked["before"].timestamp()):
            raise Unauthenticated("The token has been revoked.")

    async def watch(self, forget: Callable[[frozenset[str]], None]) -> None:
        """Tell `forget` for ever of the subjects whose tokens must be verified anew."""
        seen = self._clock()
        while True:
            await asyncio.sleep(_INTERVAL)
            began = self._clock()
            try:
                found = await self._mongo.find(
                    USERS.collection,
                    {"revoked.at": {"$gt": seen - _OVERLAP}},
                    {"_id": True},
                    hint="revoked",
                )
            except Unavailable:
                continue
            seen = began
            if found:
                forget(frozenset(user["_id"] for user in found))
