"""Pages of a list: cut by the limit asked for and by what a reply may hold, with a cursor between.

Ids are in the order of creation, so a page is "the first so many after this id", and the last page
costs what the first does.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from schemas.base import PageRequest
from service.call import Call
from service.problems import InvalidCursor
from service.storage.aggregates import Aggregates
from service.storage.mongo import Document
from service.wire import to_json

_PROOF_BYTES = 12
_ID_BYTES = 16
_FRAME_BYTES = 200
"""What a reply has around its items, generously."""


@dataclass(frozen=True, slots=True)
class PageOf:
    """One page: the documents in it, the same as they are shown, and where the next begins."""

    documents: list[Document]
    items: list[Any]
    next_cursor: str | None


async def read_page(
    call: Call,
    aggregates: Aggregates,
    query: Mapping[str, Any],
    page: PageRequest,
    view: Callable[[Document], Any],
    *,
    hint: str,
    fields: tuple[str, ...] = (),
    before: Sequence[Document] = (),
) -> PageOf:
    """The page that the request asks for, of the documents that match.

    `before` are documents kept elsewhere that come before all of them.

    Raises: InvalidCursor, Unavailable.
    """
    # Besides what the query says of the id: a cursor must never widen it.
    after = {**query.get("_id", {}), **after_cursor(call, page)}
    query = {**query, "_id": after} if after else query
    found = await aggregates.find(query, fields, hint=hint, limit=page.limit + 1)
    if page.cursor is None:
        found = [*before, *found]
    return cut_page(call, found, page, view)


def after_cursor(call: Call, page: PageRequest) -> dict[str, Any]:
    """What the page's cursor says of the ids in it; empty for the first page.

    Raises: InvalidCursor.
    """
    return {"$gt": _id_in(call, page.cursor)} if page.cursor is not None else {}


def cut_page(
    call: Call, found: list[Document], page: PageRequest, view: Callable[[Document], Any]
) -> PageOf:
    """The page out of the documents found for it, one more than it asks for if there are."""
    items: list[Any] = []
    room = call.max_reply - _FRAME_BYTES
    for document in found[: page.limit]:
        item = to_json(view(document))
        room -= len(item) + 1
        if room < 0 and items:
            break
        items.append(orjson.Fragment(item))
    shown = found[: len(items)]
    more = len(found) > len(items)
    return PageOf(shown, items, _cursor(call, shown[-1]["_id"]) if more else None)


def _cursor(call: Call, id: str) -> str:
    raw = UUID(id).bytes
    return base64.urlsafe_b64encode(raw + _proof(call, raw)).decode()


def _id_in(call: Call, cursor: str) -> str:
    try:
        raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidCursor(path="cursor") from None
    id, proof = raw[:_ID_BYTES], raw[_ID_BYTES:]
    if len(id) != _ID_BYTES or proof != _proof(call, id):
        raise InvalidCursor(path="cursor")
    return str(UUID(bytes=id))


def _proof(call: Call, id: bytes) -> bytes:
    """That this cursor was given out, for this partner and this list."""
    place = f"cursor|{call.partner}|{call.operation}|".encode()
    return call.storage.sealer.keyed_hash(place + id)[:_PROOF_BYTES]
