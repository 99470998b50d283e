"""Rotation of the data key: a new key seals what is new at once, then all that there is.

While it goes on every worker serves as before: the ring has the older keys too, so that each value
opens whatever it is sealed with. It may be interrupted at any time; started again, it goes on with
the same new key, and leaves alone what has it already.
"""

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from service.storage.kind import IDEMPOTENCY_FIELD, Kind
from service.storage.mongo import Document, Mongo
from service.storage.replies import sealed_replies
from service.storage.sealing import DataKeys, SealBroken, Sealer, place

SETTLED_AFTER = 5.0
"""Seconds after which no worker seals with the key before: each looks at the ring every second, and
what it has sealed until then is written within the time that a request may take."""

_PAGE = 500


class AlreadyRotating(Exception):
    """Another process rotates this ring: two at once could lose each other's key."""


@dataclass
class Progress:
    """How far a rotation is."""

    collection: str = ""
    total: int = 0
    """Documents in the collection, about."""
    seen: int = 0
    """Of them, those that were looked at in this pass."""
    sealed: int = 0
    """Values sealed anew, in all."""
    broken: int = 0
    """Values in this pass that do not open with any key of the ring, and are left as they are."""


OnProgress = Callable[[Progress], None]


@contextmanager
def ring_with_new_key(path: Path) -> Iterator[DataKeys]:
    """Add a key to the ring, unless a rotation was interrupted; mark it as done after the block.

    Raises: AlreadyRotating; OSError; ValueError, saying what is wrong with the file.
    """
    with locked_ring(path):
        ring = DataKeys.load(path)
        if not ring.rotating:
            ring = ring.with_new_key()
            _replace(path, ring.dump())
        yield ring
        _replace(path, ring.rotated().dump())


@contextmanager
def locked_ring(path: Path) -> Iterator[None]:
    """Keep every other rotation from the ring for as long as the block runs.

    Raises: AlreadyRotating; OSError.
    """
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRotating from None
        yield
    finally:
        os.close(lock)


async def seal_anew(
    mongo: Mongo, kinds: Sequence[Kind], ring: DataKeys, on_progress: OnProgress
) -> Progress:
    """Seal everything with the ring's current key; return when there is nothing else any more.

    Raises: Unavailable.
    """
    sealer, progress = Sealer(ring), Progress()
    loop = asyncio.get_running_loop()
    settled_at = loop.time() + SETTLED_AFTER
    while True:
        began, found = loop.time(), 0
        progress.broken = 0
        for kind in kinds:
            found += await _seal_collection(mongo, kind, sealer, progress, on_progress)
        if found == 0 and began >= settled_at:
            return progress
        await asyncio.sleep(max(0.0, settled_at - loop.time()))


async def _seal_collection(
    mongo: Mongo, kind: Kind, sealer: Sealer, progress: Progress, on_progress: OnProgress
) -> int:
    """Seal the values of one collection anew; how many there were with another key."""
    progress.collection, progress.seen = kind.collection, 0
    progress.total = (await mongo.command({"count": kind.collection}))["n"]
    on_progress(progress)
    fields = dict.fromkeys((*kind.sealed, IDEMPOTENCY_FIELD), True)
    last, found = "", 0
    while True:
        page = await mongo.find(
            kind.collection, {"_id": {"$gt": last}}, fields, sort="_id", limit=_PAGE, hint="_id_"
        )
        if not page:
            return found
        updates = [each for document in page for each in _updates(kind, document, sealer, progress)]
        if updates:
            # What somebody else has changed meanwhile does not match, and has the new key already.
            matched, refused = await mongo.update(kind.collection, updates)
            for error in refused.values():
                raise error
            progress.sealed += matched
            found += len(updates)
        progress.seen += len(page)
        last = page[-1]["_id"]
        on_progress(progress)


def _updates(
    kind: Kind, document: Document, sealer: Sealer, progress: Progress
) -> Iterator[tuple[Document, Document]]:
    """A compare-and-set for each value of the document that has another key."""
    for path, sealed in _sealed(kind, document):
        if sealer.is_current(sealed):
            continue
        where = place(kind.collection, document["_id"], path.partition(".")[0])
        try:
            anew = sealer.seal(sealer.open(sealed, where), where)
        except SealBroken:
            progress.broken += 1
            continue
        unchanged: Document = {"_id": document["_id"], path: sealed}
        if path == f"{IDEMPOTENCY_FIELD}.reply":
            # It would find the reply in a list too, that another request has made of it meanwhile.
            unchanged[f"{IDEMPOTENCY_FIELD}.0"] = {"$exists": False}
        yield unchanged, {"$set": {path: anew}}


def _sealed(kind: Kind, document: Document) -> Iterator[tuple[str, bytes]]:
    """Where each sealed value of the document is, and the value."""
    yield from ((field, document[field]) for field in kind.sealed if document.get(field))
    yield from sealed_replies(document)


def _replace(path: Path, text: str) -> None:
    """Write the file anew, in one step for whoever reads it, for the owner that it has alone."""
    draft, owner = path.with_name(f"{path.name}.new"), path.stat()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as writing:
        with suppress(PermissionError):  # only root may give a file away, and only root has to
            os.fchown(writing.fileno(), owner.st_uid, owner.st_gid)
        writing.write(text)
        writing.flush()
        os.fsync(writing.fileno())
    draft.replace(path)
