"""Erasures in MongoDB: the only code that knows their field names there.

An erasure is under the id of the person, and as old as the person's tombstone. It says what has
still to be done: `due_at` is when it is to be looked at again, `looks` how often it was, `held`
the ids of what was about the person, by collection, since what is a tombstone already leads back to
nobody. `members` are the ids of those who went with the person, each with an erasure of its own.
`kind` is the collection of the person itself.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from service.call import NOBODY, Call
from service.storage.kind import EPOCH, ERASED_AT, Index, Kind
from service.storage.mongo import Document

ERASURES = Kind("erasures", (Index("due", ("due_at",), where={"due_at": {"$gt": EPOCH}}),))

_AGAIN_AFTER = (10, 60, 600, 3_600, 86_400)
"""Seconds until an erasure is looked at again: whatever was under way, also on a worker that was
frozen in it, comes to its end in between, and what it brought back is found.
"""


def new_erasure(
    call: Call, person: Document, kind: Kind, reason: str, members: Sequence[str] = ()
) -> Document:
    """The erasure of a person that begins now."""
    erasure = {
        "_id": person["_id"],
        "kind": kind.collection,
        "reason": reason,
        "actor": call.caller.subject,
        "cause": call.request_id,
        "trace": call.trace,
        ERASED_AT: call.now,
        "held": {},
        "members": list(members),
        "looks": 0,
        "due_at": call.now,
    }
    # `erased_at` would make a tombstone of it.
    erasure["began_at"] = erasure.pop(ERASED_AT)
    return erasure | ({"domain": person["domain"]} if "domain" in person else {})


def due_query(moment: datetime) -> tuple[dict[str, Any], str]:
    """The query for erasures that were due before then, and the index that serves it."""
    return {"due_at": {"$gt": EPOCH, "$lt": moment}}, "due"


def looked_at(erasure: Document, now: datetime) -> dict[str, Any]:
    """The fields of an erasure after a look that left nothing to be done."""
    looks = erasure["looks"] + 1
    if looks > len(_AGAIN_AFTER):
        return {"looks": looks, "due_at": None, "held": {}, "members": []}
    return {"looks": looks, "due_at": now + timedelta(seconds=_AGAIN_AFTER[looks - 1])}


def held_in(kind: Kind) -> str:
    """Where an erasure has the ids of what was ever found of this kind about the person."""
    return f"held.{kind.collection}"


def on_behalf_of(erasure: Document, call: Call) -> Call:
    """The call by which the erasure is carried out: its events say who asked for it."""
    return replace(
        call,
        partner=erasure["partner"],
        caller=replace(NOBODY, subject=erasure["actor"]),
        request_id=erasure["cause"],
        trace=erasure["trace"],
    )
