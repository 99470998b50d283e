"""Pages of a list: cut by the limit asked for and by what a reply may hold, with a cursor between.

Ids are in the order of creation, so a page is "the first so many after this id", and the last page
costs what the first does.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
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


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PageOf(Generic[Item]):
    """One page: the documents in it, the same as they are shown, and where the next begins."""

    documents: list[Item]
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
) -> PageOf[Document]:
    """The page that the request asks for, of the documents that match, their times naive.

    `before` are documents kept elsewhere that come before all of them.

    Raises: InvalidCursor, Unavailable.
    """
    query = from_cursor(call, query, page)
    found = await aggregates.find(query, fields, hint=hint, limit=page.limit + 1, naive=True)
    if page.cursor is None:
        found = [*before, *found]
    return cut(call, found, page.limit, view, place_of)


def place_of(document: Document) -> bytes:
    """Where a document stands in a list that is in the order of the ids."""
    return UUID(document["_id"]).bytes


def from_cursor(
    call: Call, query: Mapping[str, Any], page: PageRequest, field: str = "_id"
) -> Mapping[str, Any]:
    """The query for what comes from the page's beginning on; `field` has the ids of what is listed.

    Raises: InvalidCursor.
    """
    if page.cursor is None:
        return query
    # Besides what the query says of the id: a cursor must never widen it.
    last = str(UUID(bytes=place_in(call, page.cursor, _ID_BYTES)))
    return {**query, field: {**query.get(field, {}), "$gt": last}}


def cut(
    call: Call,
    found: list[Item],
    limit: int,
    view: Callable[[Item], Any],
    place: Callable[[Item], bytes],
) -> PageOf[Item]:
    """The page that begins with these documents; one more than the limit means another page.

    `place` is where one stands in the list, as a cursor is to say it.
    """
    items: list[Any] = []
    room = call.max_reply - _FRAME_BYTES
    for document in found[:limit]:
        item = to_json(view(document))
        room -= len(item) + 1
        if room < 0 and items:
            break
        items.append(orjson.Fragment(item))
    shown = found[: len(items)]
    more = len(found) > len(items)
    return PageOf(shown, items, _cursor(call, place(shown[-1])) if more else None)


def place_in(call: Call, cursor: str, length: int) -> bytes:
    """Where the page before ended: as many bytes as the list says its places with.

    Raises: InvalidCursor.
    """
    try:
        raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidCursor(path="cursor") from None
    place = raw[:length]
    # The text itself, not its bytes: more than one text stands for the same bytes.
    if len(place) != length or cursor != _cursor(call, place):
        raise InvalidCursor(path="cursor")
    return place


def _cursor(call: Call, place: bytes) -> str:
    return base64.urlsafe_b64encode(place + _proof(call, place)).decode()


def _proof(call: Call, place: bytes) -> bytes:
    """That this cursor was given out, for this partner and this list."""
    list_of = f"cursor|{call.partner}|{call.operation}|".encode()
    return call.storage.sealer.keyed_hash(list_of + place)[:_PROOF_BYTES]
