"""Erasing: a person is a tombstone in one transaction; then all that was about it goes.

The second part is a look, which may be cut off anywhere and is carried out again by whichever
worker sweeps: each step finds what is left, and does nothing where nothing is. What is pending is
published first, so that nothing stands in the stream after it was purged. The looks go on for a
day, further and further apart: whatever was under way when the person was erased, a write, a
publish, a line for a log, is found by one of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from nats.errors import Error as NatsError

from service.bus.stream import EventStream, subjects_of
from service.call import Call
from service.identity.problems import PersonNotFound
from service.personal import Holding, Personhood, tombstone
from service.privacy import store
from service.privacy.held import HOLDINGS, PEOPLE
from service.privacy.store import ERASURES
from service.problems import Unavailable
from service.storage.errors import Duplicate
from service.storage.kind import ERASED_AT, IDEMPOTENCY_FIELD, Kind
from service.storage.mongo import Document, Mongo
from service.storage.outbox import Pending, pending_of
from service.storage.side_by_side import all_ended
from service.storage.storage import Storage
from service.storage.together import Transaction

log = structlog.get_logger()

_PATIENCE = 1.2
"""Seconds that a reply waits for the first look; a request has two."""

_AT_ONCE = 16
_PAGE = 100

Deliver = Callable[[Iterable[Pending]], Awaitable[None]]


class NotYet(Exception):
    """Something waits for the stream still."""


async def begin(
    call: Call, personhood: Personhood, person_id: str, reason: str, *, keeps_reply: bool
) -> Document:
    """Make a tombstone of a person, and of those who go with it, unless it is one; give it.

    Raises: PersonNotFound; LastAdmin; KeyTaken; Unavailable.
    """

    async def work(transaction: Transaction) -> Document:
        person = await transaction.read(personhood.kind, person_id)
        if person is None or not call.reaches(person):
            raise PersonNotFound(path="person_id")
        erased_at = person.get(ERASED_AT, call.now)
        reply = {"person_id": person_id, ERASED_AT: erased_at} if keeps_reply else None
        if ERASED_AT in person:
            if reply is not None and (erased := await transaction.read(ERASURES, person_id)):
                await transaction.keep_reply(ERASURES, erased, reply, person["version"])
            return person
        for change in personhood.along:
            await change(transaction, person)
        members = await _erase_members(transaction, call, personhood, person_id, reason)
        erasure = store.new_erasure(call, person, personhood.kind, reason, members)
        await transaction.start(ERASURES, erasure, reply, person["version"] + 1)
        change_of_person = personhood.erased(person, reason, {ERASED_AT: call.now})
        return await transaction.apply(personhood.kind, person, change_of_person)

    return await call.storage.together(call, work, keeps=ERASURES if keeps_reply else None)


async def _erase_members(
    transaction: Transaction, call: Call, personhood: Personhood, person_id: str, reason: str
) -> list[str]:
    """Make tombstones of those who go with a person; give their ids.

    Raises: WriteConflict, Unavailable.
    """
    if personhood.anchored is None:
        return []
    query, index = personhood.anchored(person_id)
    members = await transaction.find(personhood.kind, query, hint=index)
    if members:
        at, kind = {ERASED_AT: call.now}, personhood.kind
        erasures = [store.new_erasure(call, member, kind, reason) for member in members]
        await transaction.start_all(ERASURES, erasures)
        changes = [(member, personhood.erased(member, reason, at)) for member in members]
        await transaction.apply_all(kind, changes)
    return [member["_id"] for member in members]


class Erasing:
    """Carries erasures out, those that were begun here at once, and whichever are due."""

    def __init__(
        self,
        mongo: Mongo,
        storage: Storage,
        stream: EventStream,
        deliver: Deliver,
        new_call: Callable[[], Call],
        age: float,
    ) -> None:
        """`age` is the seconds after which an erasure that is due is taken for left behind."""
        self._mongo = mongo
        self._storage = storage
        self._stream = stream
        self._deliver = deliver
        self._new_call = new_call
        self._age = timedelta(seconds=age)
        self._looking: set[asyncio.Task[None]] = set()

    async def carry_out(self, person_id: str) -> None:
        """Look at an erasure now, and return when that is done, or has taken long enough."""
        task = asyncio.get_running_loop().create_task(self._carry_out(person_id))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)
        await asyncio.wait({task}, timeout=_PATIENCE)

    async def stop(self, deadline: float) -> None:
        """Wait for the looks that are under way, for `deadline` seconds at most."""
        if self._looking:
            await asyncio.wait(self._looking, timeout=deadline)

    async def once(self) -> None:
        """Look at every erasure that is due.

        Raises: Unavailable.
        """
        while True:
            now = self._new_call().now
            query, index = store.due_query(now - self._age)
            found = await self._storage[ERASURES].find(
                query, ("due_at",), hint=index, sort="due_at", limit=_PAGE
            )
            claimed = [each["_id"] for each in found if await self._claims(each, now)]
            if not claimed:
                return
            log.info("erasures_due", erasures=len(claimed))
            await _side_by_side(self._carry_out, claimed)

    async def _claims(self, erasure: Document, now: datetime) -> bool:
        """Whether it is this worker who looks; if it dies in that, the erasure is due again."""
        expected = {"due_at": erasure["due_at"]}
        return await self._storage[ERASURES].set_untold(erasure["_id"], expected, {"due_at": now})

    async def _carry_out(self, person_id: str) -> None:
        try:
            erasure = await self._storage[ERASURES].read(person_id)
            if erasure is not None:
                await self._look(erasure)
        except (NotYet, NatsError, Unavailable) as error:
            log.warning("erasure_waits", error=type(error).__name__)
        except Exception as error:  # noqa: BLE001  # the next look may succeed
            log.error("erasure_failed", error=type(error).__name__)

    async def _look(self, erasure: Document) -> None:
        """Find and forget all that there is about a person.

        Raises: NotYet, NatsError, Unavailable.
        """
        call = store.on_behalf_of(erasure, self._new_call())
        person_id, partner = erasure["_id"], erasure["partner"]
        [personhood] = [each for each in PEOPLE if each.kind.collection == erasure["kind"]]
        await self._erase_household(call, personhood, erasure)
        held = await self._found(erasure)
        for holding in HOLDINGS:
            await self._end(
                call, holding, partner, person_id, held.get(holding.kind.collection, [])
            )
        await self._storage.access_log.forget(partner, person_id)
        await self._published(personhood.kind, [person_id])
        for holding in HOLDINGS:
            ids = held.get(holding.kind.collection, [])
            await self._published(holding.kind, ids)
            await _side_by_side(partial(self._silence_held, partner, holding), ids)
        await self._silence_person(partner, personhood, person_id)
        # Only if nobody else has looked meanwhile: whoever is behind must not bring it forward.
        unmoved = {"looks": erasure["looks"]}
        await self._storage[ERASURES].set_untold(
            person_id, unmoved, store.looked_at(erasure, call.now)
        )

    async def _erase_household(self, call: Call, personhood: Personhood, erasure: Document) -> None:
        """Look at those who went with a person, and erase who was added by one who had not seen it.

        Raises: Unavailable.
        """
        if personhood.anchored is None:
            return
        if erasure["looks"] == 0:  # each has an erasure of its own, with further looks
            await _side_by_side(self._carry_out, erasure.get("members", ()))
        query, index = personhood.anchored(erasure["_id"])
        found = await self._storage[personhood.kind].find(query, ("role",), hint=index)

        async def erase(id: str) -> None:
            await begin(call, personhood, id, erasure["reason"], keeps_reply=False)
            await self._carry_out(id)

        await _side_by_side(erase, [each["_id"] for each in found])

    async def _found(self, erasure: Document) -> dict[str, list[str]]:
        """The ids of what is held on the person, written down before any of it is a tombstone."""
        found: dict[str, list[str]] = {}
        id = erasure["_id"]
        for holding in HOLDINGS:
            query, index = holding.shelf.of(erasure["partner"], id)
            if holding.fence:
                found[store.held_in(holding.kind)] = [id]
                continue
            there = await self._storage[holding.kind].find(query, ("version",), hint=index)
            found[store.held_in(holding.kind)] = [each["_id"] for each in there]
        # Added, not set: another worker may have found what is a tombstone since.
        await self._storage[ERASURES].add_untold(id, found)
        known = await self._storage[ERASURES].read(id)
        return known["held"] if known is not None else {}

    async def _end(
        self, call: Call, holding: Holding, partner: str, person_id: str, ids: Sequence[str]
    ) -> None:
        """Leave nothing personal in these documents but what waits in their outboxes."""
        aggregates, collection = self._storage[holding.kind], holding.kind.collection
        ends = holding.ends
        if ends is not None:

            async def end(id: str) -> None:
                await aggregates.change(call, id, lambda document: ends(document or {}))

            await _side_by_side(end, ids)
            forgotten = {"_id": {"$in": list(ids)}, IDEMPOTENCY_FIELD: {"$exists": True}}
            await self._mongo.update_all(collection, forgotten, [{"$unset": IDEMPOTENCY_FIELD}])
            return
        pipeline = tombstone(partner, holding, call.now)
        if holding.fence:
            try:
                await self._mongo.upsert(collection, {"_id": person_id, ERASED_AT: None}, pipeline)
            except Duplicate:
                return  # it is a tombstone already
        await self._mongo.update_all(
            collection, {"_id": {"$in": list(ids)}, ERASED_AT: None}, pipeline
        )

    async def _published(self, kind: Kind, ids: Sequence[str]) -> None:
        """Publish what is pending of these aggregates.

        Raises: NotYet, Unavailable.
        """
        query = {"_id": {"$in": list(ids)}, "outbox.0": {"$exists": True}}
        fields = {"partner": True, "outbox": True, "stream_seq": True}
        waiting = await self._mongo.find(kind.collection, query, fields, majority=True)
        if waiting:
            await self._deliver([pending_of(kind.collection, each) for each in waiting])
            # Another worker may have published it, and be about to clear it.
            if await self._mongo.find(kind.collection, query, {"_id": True}, limit=1):
                raise NotYet

    async def _silence_held(self, partner: str, holding: Holding, id: str) -> None:
        subjects = subjects_of(holding.service, partner, id)
        last_word = None
        if holding.ends is not None:
            last_word = await self._last_word(holding.kind, id)
        await self._silence(partner, holding.kind, id, subjects, subjects, last_word)

    async def _silence_person(self, partner: str, personhood: Personhood, id: str) -> None:
        of_person = subjects_of(personhood.service, partner, id)
        last_word = await self._last_word(personhood.kind, id)
        everything = subjects_of("*", partner, id)
        await self._silence(partner, personhood.kind, id, of_person, everything, last_word)

    async def _silence(
        self,
        partner: str,
        kind: Kind,
        id: str,
        own: str,
        purged: str,
        last_word: int | None,
    ) -> None:
        """Take what is told of an aggregate out of log and stream, up to its last word."""
        await self._storage.event_log.forget(partner, id, kind.collection, last_word)
        before = None
        if last_word is not None:
            seq, version = await self._stream.last(own)
            before = seq if version == last_word else None
        await self._stream.purge(purged, before)

    async def _last_word(self, kind: Kind, id: str) -> int | None:
        document = await self._storage[kind].read(id, ())
        return document["version"] if document is not None else None


async def _side_by_side(work: Callable[[str], Awaitable[None]], ids: Sequence[str]) -> None:
    """Do the work for each id, a few at once; raise the first error once all have ended."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(id: str) -> None:
        async with turn:
            await work(id)

    await all_ended(map(one, ids))
