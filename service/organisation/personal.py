"""What svc.entity holds on a person: of who has a personal entity, the reply to its making."""

from service.organisation.store import ENTITIES, is_personal
from service.storage.mongo import Document
from service.storage.together import Transaction


async def forget_reply(transaction: Transaction, user: Document) -> None:
    """Take what was kept of the request that made user and entity out of the entity.

    The entity stays: there is nothing in it but ids, and what is in it would dangle.
    Raises: WriteConflict, Unavailable.
    """
    if user["entity_id"] is None or user["business_id"] is not None:
        return
    entity = await transaction.read(ENTITIES, user["entity_id"])
    if entity is not None and is_personal(entity):
        await transaction.forget_reply(ENTITIES, user["entity_id"])
