"""Storage as a handler sees it: the aggregates of each kind, the sealer, and the access log."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from typing import TypeVar

from service.call import Call
from service.storage.access import AccessLog
from service.storage.aggregates import Aggregates, Relay
from service.storage.event_log import EventLog
from service.storage.kind import Kind
from service.storage.lookup import Lookup, LookupReader
from service.storage.mongo import Document, Mongo
from service.storage.pairs import Found, Pair, PairReader
from service.storage.sealing import Sealer
from service.storage.together import Transaction, carry_out
from service.storage.turns import Turns

T = TypeVar("T")


class Storage:
    """One way in to everything that is kept."""

    def __init__(self, mongo: Mongo, kinds: Iterable[Kind], relay: Relay, sealer: Sealer) -> None:
        self.sealer = sealer
        self.access_log = AccessLog(mongo)
        self.event_log = EventLog(mongo)
        self._mongo = mongo
        self._relay = relay
        self._turns = Turns()
        self._aggregates = {kind: Aggregates(kind, mongo, relay, sealer) for kind in kinds}
        self._lookups: dict[Lookup, LookupReader] = {}
        self._pairs: dict[Pair, PairReader] = {}

    def __getitem__(self, kind: Kind) -> Aggregates:
        return self._aggregates[kind]

    async def find_everywhere(
        self, id: str, fields: tuple[str, ...]
    ) -> list[tuple[int, Kind, Document]]:
        """The documents that are under the id, erased ones too, with their kinds, numbered.

        Raises: Unavailable.
        """
        reads = [aggregates.read(id, fields) for aggregates in self._aggregates.values()]
        found = zip(self._aggregates, await asyncio.gather(*reads), strict=True)
        return [
            (number, kind, document)
            for number, (kind, document) in enumerate(found)
            if document is not None
        ]

    async def look_up(self, lookup: Lookup, id: str) -> Document | None:
        """What the lookup finds under the id, or None; shared, and not to be changed.

        Raises: Unavailable.
        """
        reader = self._lookups.get(lookup)
        if reader is None:
            reader = self._lookups[lookup] = LookupReader(self._mongo, lookup)
        return await reader.read(id)

    async def read_pair(self, pair: Pair, id: str, other: str | None = None) -> Found:
        """Both documents of the pair, None for one that there is not.

        `other` is what the second is found by, where that is not the id of the first.
        Shared, and not to be changed.
        Raises: Unavailable.
        """
        reader = self._pairs.get(pair)
        if reader is None:
            reader = self._pairs[pair] = PairReader(self._mongo, pair)
        return await reader.read(id, other)

    async def together(
        self,
        call: Call,
        work: Callable[[Transaction], Awaitable[T]],
        keeps: Kind | None = None,
        turns: Iterable[str] = (),
    ) -> T:
        """Change several aggregates together or not at all; see `service.storage.together`.

        `turns` are the ids of what many may want to change at once: on one worker each waits for
        its turn, since at the same time they would only meet each other's writes and begin again.
        Raises: what `work` raises; KeyTaken; Duplicate; Unavailable.
        """
        async with AsyncExitStack() as held:
            for id in sorted(set(turns)):  # in one order, so that no two wait for each other
                await held.enter_async_context(self._turns.of(id))
            return await carry_out(call, self._mongo, self._aggregates, self._relay, work, keeps)
