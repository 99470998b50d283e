"""Exporting: all that is held on a person, shelf by shelf, a page at a time.

A cursor says which shelf, where on it, and when the export began: what is written down about the
export itself is no part of it, or it would never end.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.privacy import SECTIONS, Access, ExportItem, ExportPerson, Section
from service.call import Call
from service.personal import Holding, Shelf
from service.privacy import changes
from service.privacy.held import HOLDINGS, SHELVES
from service.problems import InvalidCursor
from service.storage.access import about
from service.storage.kind import ERASED_AT
from service.storage.mongo import Document
from service.storage.pages import PageOf, cut, place_in

_TIME_BYTES = 6
_ID_BYTES = 16
_VERSION_BYTES = 4
_PLACE_BYTES = max(_ID_BYTES + _VERSION_BYTES, changes.PLACE_BYTES)
_CURSOR_BYTES = _TIME_BYTES + 1 + _PLACE_BYTES
_NOWHERE = bytes(_PLACE_BYTES)
_HISTORY: Section = "history"
_ACCESS: Section = "access"

_TOLD = tuple(each for each in HOLDINGS if not each.fence)
"""What is told of under ids of its own; the rest is under the person's."""

_READ_AT_ONCE = 16
"""Aggregates whose histories are read side by side."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something that is held on the person: as it is shown, on which shelf, and where there."""

    section: Section
    shown: Any
    shelf: int
    place: bytes


class Reader:
    """Reads what is held on one person, as it was when the export began."""

    def __init__(self, call: Call, person_id: str, began: datetime) -> None:
        self._call = call
        self._person_id = person_id
        self._began = began

    async def read(self, shelf: int, place: bytes, limit: int) -> list[Found]:
        """What is on a shelf after this place; the last shelves are histories and accesses.

        Raises: Unavailable.
        """
        beyond = shelf - len(SHELVES)
        if beyond < 0:
            return await self._documents(SHELVES[shelf], shelf, place, limit)
        if beyond == 0:
            return await self._history(shelf, place, limit)
        if beyond <= len(_TOLD):
            return await self._history_of_held(_TOLD[beyond - 1], shelf, place, limit)
        return await self._access(shelf, place, limit)

    async def _documents(self, of: Shelf, shelf: int, place: bytes, limit: int) -> list[Found]:
        query, index = of.of(self._call.partner, self._person_id)
        query["_id"] = {**query.get("_id", {}), "$gt": _id_in(place)}
        query[ERASED_AT] = None
        found = await self._call.storage[of.kind].find(query, hint=index, limit=limit)
        shown = [(of.view(self._call, each), _place_of(each)) for each in found]
        return [Found(of.section, view, shelf, at) for view, at in shown if view is not None]

    async def _history(self, shelf: int, place: bytes, limit: int) -> list[Found]:
        call = self._call
        under = await call.storage.find_everywhere(self._person_id, ("outbox",))
        after = changes.place_from_bytes(place)
        lines = await changes.find_changes(call, under, {}, after, limit)
        return [
            Found(_HISTORY, changes.told_view(line), shelf, _whole(changes.place_to_bytes(line)))
            for line in lines
        ]

    async def _history_of_held(
        self, holding: Holding, shelf: int, place: bytes, limit: int
    ) -> list[Found]:
        """The histories of what is held, one after another."""
        query, index = holding.shelf.of(self._call.partner, self._person_id)
        last, version = _id_in(place), int.from_bytes(place[_ID_BYTES:][:_VERSION_BYTES])
        compared, found = "$gte", list[Found]()
        while len(found) < limit:
            query["_id"] = {compared: last}
            documents = await self._call.storage[holding.kind].find(
                query, ("outbox",), hint=index, limit=_READ_AT_ONCE
            )
            passed = {last: version}
            lanes = [
                changes.find_changes(
                    self._call,
                    [(0, holding.kind, each)],
                    {},
                    {0: passed.get(each["_id"], 0)},
                    limit,
                )
                for each in documents
            ]
            for lane in await asyncio.gather(*lanes):
                found += [
                    Found(_HISTORY, changes.told_view(line), shelf, _told_at(line)) for line in lane
                ]
            if len(documents) < _READ_AT_ONCE:
                break
            compared, last = "$gt", documents[-1]["_id"]
        return found[:limit]

    async def _access(self, shelf: int, place: bytes, limit: int) -> list[Found]:
        query = about(self._call.partner, self._person_id)
        query |= {"_id": {"$gt": _id_in(place)}, "at": {"$lt": self._began}}
        found = await self._call.storage.access_log.find(query, limit)
        return [
            Found(_ACCESS, access_view(each, self._person_id), shelf, _place_of(each))
            for each in found
        ]


def sections_of(request: ExportPerson) -> list[Section]:
    """The sections that an export consists of."""
    return list(SECTIONS) if request.section is None else [request.section]


async def read_export(call: Call, request: ExportPerson) -> PageOf[Found]:
    """The page of an export that the request asks for.

    Raises: InvalidCursor, Unavailable.
    """
    began, at, place = call.now, 0, _NOWHERE
    if request.cursor is not None:
        raw = place_in(call, request.cursor, _CURSOR_BYTES)
        milliseconds = int.from_bytes(raw[:_TIME_BYTES], "big")
        began = datetime.fromtimestamp(milliseconds / 1_000, UTC)
        at, place = raw[_TIME_BYTES], raw[_TIME_BYTES + 1 :]
    order = _shelves_of(sections_of(request))
    reader, found = Reader(call, request.person_id, began), list[Found]()
    if request.cursor is not None:
        if at not in order:
            raise InvalidCursor(path="cursor")
        order = order[order.index(at) :]
    for shelf in order:
        found += await reader.read(shelf, place, request.limit + 1 - len(found))
        place = _NOWHERE
        if len(found) > request.limit:
            break
    stamp = round(began.timestamp() * 1_000).to_bytes(_TIME_BYTES, "big")
    return cut(call, found, request.limit, _item, lambda each: stamp + _where(each))


def access_view(line: Document, person_id: str) -> Access:
    """A line of the access log, as it concerns one person."""
    return Access(
        access_id=line["_id"],
        person_id=person_id,
        time=line["at"],
        actor=line["actor"],
        request_id=line["request_id"],
        operation=line["operation"],
    )


def _shelves_of(sections: Sequence[Section]) -> list[int]:
    """The shelves of the sections, in the order of these."""
    histories = [_HISTORY] * (1 + len(_TOLD))
    of_shelf = [*(shelf.section for shelf in SHELVES), *histories, _ACCESS]
    return [number for section in sections for number, of in enumerate(of_shelf) if of == section]


def _item(found: Found) -> ExportItem:
    return ExportItem(section=found.section, data=found.shown)


def _where(found: Found) -> bytes:
    return bytes([found.shelf]) + found.place


def _place_of(document: Document) -> bytes:
    return _whole(UUID(document["_id"]).bytes)


def _told_at(line: Document) -> bytes:
    return _whole(UUID(line["aggregate_id"]).bytes + line["version"].to_bytes(_VERSION_BYTES))


def _whole(place: bytes) -> bytes:
    return place.ljust(_PLACE_BYTES, b"\0")


def _id_in(place: bytes) -> str:
    return "" if place == _NOWHERE else str(UUID(bytes=place[:_ID_BYTES]))
