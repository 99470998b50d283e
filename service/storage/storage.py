"""Storage as a handler sees it: the aggregates of each kind, the sealer, and the access log."""

from collections.abc import Iterable

from service.storage.access import AccessLog
from service.storage.aggregates import Aggregates, Relay
from service.storage.kind import Kind
from service.storage.mongo import Mongo
from service.storage.sealing import Sealer


class Storage:
    """One way in to everything that is kept."""

    def __init__(self, mongo: Mongo, kinds: Iterable[Kind], relay: Relay, sealer: Sealer) -> None:
        self.sealer = sealer
        self.access_log = AccessLog(mongo)
        self._aggregates = {kind: Aggregates(kind, mongo, relay, sealer) for kind in kinds}

    def __getitem__(self, kind: Kind) -> Aggregates:
        return self._aggregates[kind]
