"""What storage has to know of a kind of aggregate: where it is kept, and its indexes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Before every entry of every outbox: what makes a query fit the partial index below."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index by name; a unique one is told by that name when it refuses a document."""

    name: str
    keys: Sequence[str]
    unique: bool = False
    where: Mapping[str, Any] | None = None
    """The filter of a partial index."""
    expires: bool = False
    """Whether MongoDB deletes a document once the time in the index's one field is past."""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of aggregate: one collection, one document for each aggregate in it."""

    collection: str
    indexes: tuple[Index, ...] = ()
    fixed: tuple[str, ...] = ()
    """Fields that never change once the aggregate is there; `partner` and `domain` are of them."""
    parent: str = "parent_id"
    """The field with the id of the parent, where the aggregates form a tree."""
    sealed: tuple[str, ...] = ()
    """Fields that hold a sealed value, or null: what a new data key has to seal anew."""

    @property
    def all_indexes(self) -> tuple[Index, ...]:
        """The domain's own indexes, and those that every aggregate has."""
        return (*self.indexes, *COMMON_INDEXES)


ERASED_AT = "erased_at"
"""The field that a tombstone has, and no other document: when what was in it was erased."""

ID_INDEX = "_id_"
"""The index that every collection has, by MongoDB's own name for it."""

IDEMPOTENCY_INDEX = "idempotency"
IDEMPOTENCY_FIELD = "idempotency"
"""The field with the replies that are kept with an aggregate."""
OUTBOX_INDEX = "outbox"

COMMON_INDEXES = (
    Index(
        IDEMPOTENCY_INDEX,
        ("partner", "idempotency.key"),
        unique=True,
        where={"idempotency.key": {"$exists": True}},
    ),
    # Only documents with something in their outbox are in it, so the sweep reads next to nothing.
    Index(OUTBOX_INDEX, ("outbox.at",), where={"outbox.at": {"$gt": EPOCH}}),
)
