"""Moves: a business gets another parent, and everything below it comes along.

Only the parent's id is kept, so a move is one field, however much lies below. Two moves that would
make a cycle together touch no common document by themselves. So each raises the `tree_version` of
every root that it looked up to, and of two at once under one root one has to look again.
"""

from schemas.organisation import BusinessMoved
from service.call import Call
from service.organisation import parents, views
from service.organisation.problems import Cycle, EntityNotFound
from service.organisation.store import ENTITIES, TREE_VERSION
from service.storage.mongo import Document
from service.storage.together import Transaction
from service.storage.writes import Change


async def move(call: Call, transaction: Transaction, business_id: str, parent_id: str) -> Document:
    """Move a business below another parent, and give it as it is afterwards; may run twice.

    Raises: EntityNotFound, OutsideDomain, VersionConflict, Cycle, InvalidParent, WriteConflict,
    Unavailable.
    """
    lineages = await transaction.lineages(ENTITIES, {business_id, parent_id})
    line, parent_line = lineages.get(business_id, []), lineages.get(parent_id, [])
    business = visible_business(call, line[0] if line else None)
    parent = parents.permitted(call, parent_line[0] if parent_line else None, "parent_id")
    call.expect_version(business["version"])
    if business["parent_id"] != parent_id:
        if any(above["_id"] == business_id for above in parent_line):
            raise Cycle(path="parent_id")
        parents.check_parent(business["business_type"], business.get("domain"), parent)
        for root in sorted({line[-1]["_id"], parent_line[-1]["_id"]} - {business_id}):
            await transaction.raise_count(ENTITIES, root, TREE_VERSION)

    def decide(document: Document | None) -> Change | None:
        if document is None or document["parent_id"] == parent_id:
            return None
        return Change(BusinessMoved, {"parent_id": parent_id}, views.business_data(["parent_id"]))

    return await transaction.change(ENTITIES, business_id, decide)


def visible_business(call: Call, document: Document | None) -> Document:
    """The business, where the caller may know of it; not an administrator, which is none.

    Raises: EntityNotFound.
    """
    if document is None or document["entity_type"] != "business" or not call.sees(document):
        raise EntityNotFound(path="business_id")
    return document
