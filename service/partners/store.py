"""Partners in MongoDB: a document each, under the partner's own id, once anything is set."""

from collections.abc import Callable

from service.call import Call
from service.storage.kind import Kind
from service.storage.mongo import Document
from service.storage.writes import Change

PARTNERS = Kind("partners")

PartnerDecision = Callable[[Document], Change | None]
"""Gets the partner's document, and decides as every `Decision` does."""


async def change_partner(call: Call, decide: PartnerDecision) -> Document:
    """Change the call's partner, and give its document as it is afterwards.

    Where nothing was ever set there is no document: `decide` then gets an empty one of version 0,
    and the change makes it.
    Raises: what `decide` raises; Unavailable.
    """
    nothing: Document = {"_id": call.partner, "version": 0}
    return await call.storage[PARTNERS].change(
        call, call.partner, lambda document: decide(document or nothing), new=nothing
    )
