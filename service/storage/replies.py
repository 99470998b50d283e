"""Kept replies: the first reply to a request with an Idempotency-Key, sealed in what it created."""

import asyncio
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.call import Call
from service.problems import IdempotencyKeyReused
from service.storage.batches import Batches, Read
from service.storage.coalescer import Coalescer
from service.storage.kind import IDEMPOTENCY_FIELD, IDEMPOTENCY_INDEX
from service.storage.mongo import Document, Mongo
from service.storage.sealing import Sealer, place
from service.wire import to_json


@dataclass(frozen=True, slots=True)
class KeptReply:
    """A reply as it was given the first time."""

    body: bytes
    etag: int


class KeyTaken(Exception):
    """Another request with this Idempotency-Key was first; its reply is kept."""


class Replies:
    """The kept replies of one collection."""

    def __init__(self, collection: str, mongo: Mongo, batches: Batches, sealer: Sealer) -> None:
        self._collection = collection
        self._mongo = mongo
        self._batches = batches
        self._sealer = sealer
        self._finder: Coalescer[tuple[str, str], Document | None] = Coalescer(
            self._find_several, tally=mongo.tally(collection, "find")
        )

    def keep(
        self, call: Call, id: str, reply: Mapping[str, Any], version: int = 1
    ) -> Document | None:
        """What to keep of the reply in the document `id`; None for a call without a key."""
        if call.idempotency_key is None:
            return None
        return {
            "key": _key(call),
            "fingerprint": call.fingerprint,
            "reply": self._sealer.seal(to_json(reply), self._place(id)),
            "etag": version,
        }

    def keep_also(
        self, call: Call, document: Document, reply: Mapping[str, Any] | None, version: int
    ) -> list[Document] | None:
        """The kept replies of a document with this one besides; None to leave them."""
        if reply is None:
            return None
        kept = self.keep(call, document["_id"], reply, version)
        return None if kept is None else [*_kept_in(document), kept]

    async def kept(self, call: Call) -> KeptReply | None:
        """The reply that is kept under the call's key, or None.

        Never one that may yet be rolled back.
        Raises: IdempotencyKeyReused, when it was another request's; Unavailable.
        """
        document = await self._find(call)
        if document is None:
            return None
        key = _key(call)
        if not await self._batches.confirm(Read(document["_id"], "idempotency.key", key)):
            return None
        kept = next(each for each in _kept_in(document) if each["key"] == key)
        if not hmac.compare_digest(kept["fingerprint"], call.fingerprint):
            raise IdempotencyKeyReused
        return KeptReply(
            self._sealer.open(kept["reply"], self._place(document["_id"])), kept["etag"]
        )

    async def refuse_taken(self, call: Call, index: str) -> None:
        """Tell whether a violated unique index means that the call's key is taken.

        Of two violated indexes only one is reported, so the key is looked up whichever it is.
        Raises: KeyTaken, Unavailable.
        """
        if index == IDEMPOTENCY_INDEX or await self._find(call) is not None:
            raise KeyTaken

    async def _find(self, call: Call) -> Document | None:
        if call.idempotency_key is None:
            return None
        return await self._finder.submit((call.partner, _key(call)))

    async def _find_several(self, wanted: list[tuple[str, str]]) -> list[Document | None]:
        """The documents that keep a reply under these partners' keys."""
        keys: dict[str, list[str]] = {}
        for partner, key in dict.fromkeys(wanted):
            keys.setdefault(partner, []).append(key)
        finding = (self._find_of(partner, each) for partner, each in keys.items())
        known = dict(pair for found in await asyncio.gather(*finding) for pair in found)
        return [known.get(each) for each in wanted]

    async def _find_of(
        self, partner: str, keys: Sequence[str]
    ) -> list[tuple[tuple[str, str], Document]]:
        query = {"partner": partner, "idempotency.key": {"$in": keys}}
        found = await self._mongo.find(
            self._collection, query, {"idempotency": True}, hint=IDEMPOTENCY_INDEX
        )
        return [((partner, kept["key"]), each) for each in found for kept in _kept_in(each)]

    def _place(self, id: str) -> str:
        return place(self._collection, id, IDEMPOTENCY_INDEX)


def sealed_replies(document: Document) -> Iterator[tuple[str, bytes]]:
    """Where each kept reply of a document is, as MongoDB names the place, and the reply as kept."""
    alone = not isinstance(document.get(IDEMPOTENCY_FIELD), list)
    for at, each in enumerate(_kept_in(document)):
        where = IDEMPOTENCY_FIELD if alone else f"{IDEMPOTENCY_FIELD}.{at}"
        yield f"{where}.reply", each["reply"]


def _kept_in(document: Document) -> list[Document]:
    """One is kept by itself, several in a list: the same index finds both."""
    kept: Document | list[Document] = document.get(IDEMPOTENCY_FIELD, [])
    return kept if isinstance(kept, list) else [kept]


def _key(call: Call) -> str:
    return f"{call.operation}:{call.idempotency_key}"
