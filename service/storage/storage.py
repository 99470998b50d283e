"""Storage as a handler sees it: the aggregates of each kind, the sealer, and the access log."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import nullcontext
from typing import TypeVar

from service.call import Call
from service.storage.access import AccessLog
from service.storage.aggregates import Aggregates, Relay
from service.storage.kind import Kind
from service.storage.mongo import Mongo
from service.storage.sealing import Sealer
from service.storage.together import Transaction, carry_out
from service.storage.turns import Turns

T = TypeVar("T")


class Storage:
    """One way in to everything that is kept."""

    def __init__(self, mongo: Mongo, kinds: Iterable[Kind], relay: Relay, sealer: Sealer) -> None:
        self.sealer = sealer
        self.access_log = AccessLog(mongo)
        self._mongo = mongo
        self._relay = relay
        self._turns = Turns()
        self._aggregates = {kind: Aggregates(kind, mongo, relay, sealer) for kind in kinds}

    def __getitem__(self, kind: Kind) -> Aggregates:
        return self._aggregates[kind]

    async def together(
        self,
        call: Call,
        work: Callable[[Transaction], Awaitable[T]],
        keeps: Kind | None = None,
        turn: str | None = None,
    ) -> T:
        """Change several aggregates together or not at all; see `service.storage.together`.

        Of the works with one `turn` this worker does one at a time, in the order of asking: to be
        given where they would only undo each other.
        Raises: what `work` raises; KeyTaken; Duplicate; Unavailable.
        """
        async with self._turns.of(turn) if turn else nullcontext():
            return await carry_out(call, self._mongo, self._aggregates, self._relay, work, keeps)
