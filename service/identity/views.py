"""How people are shown: which blocks, and how much of their numbers. What is not shown is not read.

A block is kept with its number masked, so that the default mode opens nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.identity import SsnMode
from schemas.person import Person
from service.auth.scopes import Scope
from service.call import Call
from service.identity import store
from service.identity.problems import UnmaskedNotPermitted
from service.identity.roles import NUMBERS, Number, Role
from service.storage.mongo import Document
from service.storage.sealing import VISIBLE

_COMMON = ("created_at", "updated_at", "version")


@dataclass(frozen=True, slots=True)
class Shown:
    """What of people a caller gets to see."""

    blocks: frozenset[str] = frozenset()
    """Names as `expand` has them."""
    mode: SsnMode = "MASKED"

    @classmethod
    def asked(cls, call: Call, expand: Iterable[str], mode: SsnMode) -> "Shown":
        """What a request asks for.

        Raises: UnmaskedNotPermitted.
        """
        if mode == "UNMASKED" and not call.caller.has(Scope.READ_SENSITIVE):
            raise UnmaskedNotPermitted(path="ssn_mode", arguments=[Scope.READ_SENSITIVE])
        return cls(frozenset(expand), mode)

    def fields(self, role: Role) -> tuple[str, ...]:
        """The fields to read of people of the role: always in the same order, for the batches."""
        blocks = self._blocks(role)
        sealed = [number.sealed for number in self._opened(blocks)]
        return ("role", role.anchor, *role.plain, *blocks, *sealed, "created_at", "updated_at")

    def view(self, call: Call, role: Role, document: Document) -> dict[str, Any]:
        """A person of the role, as the caller gets to see it."""
        view = _base(role, document)
        blocks = self._blocks(role)
        view |= {name: document[name] for name in blocks}
        if self.mode != "MASKED":
            for number in NUMBERS:
                if number.block in blocks and view[number.block] is not None:
                    shown = self._number(call, number, document)
                    view[number.block] = {**view[number.block], number.name: shown}
        return view

    async def log_read(self, call: Call, documents: Sequence[tuple[Role, Document]]) -> None:
        """Write down whose numbers are shown in the clear, before they are.

        Raises: Unavailable.
        """
        read = [
            document["_id"]
            for role, document in documents
            if any(document.get(n.sealed) is not None for n in self._opened(self._blocks(role)))
        ]
        await call.storage.access_log.record(call, read)

    def _blocks(self, role: Role) -> list[str]:
        return [name for asked, name in role.blocks.items() if asked in self.blocks]

    def _opened(self, blocks: Sequence[str]) -> list[Number]:
        """The numbers of the blocks that are shown in the clear."""
        if self.mode != "UNMASKED":
            return []
        return [number for number in NUMBERS if number.block in blocks]

    def _number(self, call: Call, number: Number, document: Document) -> str | None:
        if self.mode == "UNMASKED":
            return store.open_number(call, number, document)
        masked: str | None = document[number.block][number.name]
        # One too short to hide behind its end is masked wholly, and stays so.
        return masked and masked[-VISIBLE:]


def whole(role: Role, document: Document) -> dict[str, Any]:
    """A person with all its blocks, numbers masked: what a change replies, and its event tells."""
    return _base(role, document) | {name: document[name] for name in role.blocks.values()}


def event_data(role: Role, changed: Sequence[str]) -> Callable[[Document], Any]:
    """What makes the data of an event about a person of the role."""

    def data(document: Document) -> Mapping[str, Any]:
        return {
            role.id_field: document["_id"],
            role.anchor: document[role.anchor],
            "changed": list(changed),
            role.key: whole(role, document),
        }

    return data


def person(document: Document) -> Person:
    """Anyone, as the lookup of people by id gives them."""
    return Person(
        person_id=document["_id"],
        type=document["role"],
        first_name=document["first_name"],
        middle_name=document.get("middle_name"),
        last_name=document["last_name"],
        business_id=document.get("business_id"),
        consumer_id=document.get("consumer_id"),
    )


def _base(role: Role, document: Document) -> dict[str, Any]:
    view = {role.id_field: document["_id"], role.anchor: document[role.anchor]}
    for name in (*role.plain, *_COMMON):
        view[name] = document[name]
    return view
