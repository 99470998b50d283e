"""What a domain holds on a person: how it is shown to that person, and how it is forgotten.

Each domain that keeps personal data says so in a `personal.py` of its own; `service.privacy.held`
lists them all. To export and to erase is then the same for each.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from schemas.privacy import Section
from service.call import Call
from service.storage.kind import ERASED_AT, Kind
from service.storage.mongo import Document
from service.storage.together import Transaction
from service.storage.writes import Change

Where = tuple[dict[str, Any], str]
"""A query, and the index that serves it in the order of the ids."""

OfPerson = Callable[[str, str], Where]
"""Where the documents of a partner's person are: gets the ids of both."""

Along = Callable[[Transaction, Document], Awaitable[None]]
"""What changes together with a person, or raises the Problem for which nothing does.

Gets the person's document before the erasure. It may run several times.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """Documents with something of a person in them, and how an export shows it."""

    section: Section
    kind: Kind
    of: OfPerson
    view: Callable[[Call, Document], Any]
    """What there is of the person in one of them; None for nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Personhood:
    """A kind of aggregate that is a person itself: erased, it stays as a tombstone."""

    kind: Kind
    service: str
    """The second token of the subjects of its events."""
    shelves: Sequence[Shelf]
    """What of the person's own document an export shows."""
    erased: Callable[[Document, str, Mapping[str, Any]], Change]
    """The change that leaves the tombstone: gets the document, the reason, and its fields."""
    anchored: Callable[[str], Where] | None = None
    """Where the people are who go with the one of this id."""
    along: Sequence[Along] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Holding:
    """A kind of aggregate that is about a person, and has no meaning without."""

    shelf: Shelf
    service: str
    """The second token of the subjects of its events."""
    ends: Callable[[Document], Change | None] | None = None
    """How one ends that others see as well: by a change, which is the last that is told of it.

    None for no change, where it has ended before. Without, nothing stays of it but a tombstone.
    """
    kept: Mapping[str, Any] = field(default_factory=dict)
    """Fields that its tombstone has besides."""
    fence: bool = False
    """Whether it is under the person's own id, and made by whoever changes it first: a tombstone
    is then put there also where there was nothing, for whoever is about to."""

    @property
    def kind(self) -> Kind:
        """The kind of the aggregates."""
        return self.shelf.kind


_LEFT = frozenset({"_id", "partner", "domain", "version", "outbox", "stream_seq", "updated_at"})
"""What a tombstone still has of what it was."""


def removed(document: Document) -> tuple[str, ...]:
    """The names of the fields that are not left of a document in its tombstone."""
    return tuple(sorted(document.keys() - _LEFT))


def tombstone(partner: str, holding: Holding, at: datetime) -> list[dict[str, Any]]:
    """The pipeline that leaves a tombstone of a document, or makes one where there is none.

    The version is another one, so that nobody changes what they have read before.
    """
    left = {name: f"${name}" for name in _LEFT - {"partner", "version", "outbox"}}
    return [
        {
            "$replaceWith": {
                **left,
                "partner": {"$literal": partner},
                "version": {"$add": [{"$ifNull": ["$version", 0]}, 1]},
                "outbox": {"$ifNull": ["$outbox", []]},
                ERASED_AT: at,
                **{name: {"$literal": value} for name, value in holding.kept.items()},
            }
        }
    ]


def by_own_id(_partner: str, person_id: str) -> Where:
    """The one document that is under the person's id."""
    return {"_id": {"$eq": person_id}}, "_id_"
