"""Entities as replies and events show them."""

from collections.abc import Callable

from schemas.organisation import (
    Administrator,
    AdministratorEventData,
    AdministratorModulesData,
    Business,
    BusinessEventData,
    Entity,
    EntityEventData,
)
from service.organisation.store import is_root
from service.partners.switches import set_in
from service.storage.mongo import Document


def administrator_view(document: Document) -> Administrator:
    """An administrator as `svc.administrator` shows it."""
    return Administrator(
        administrator_id=document["_id"],
        administrator_code=document["administrator_code"],
        business_name=document["name"],
        business_ein=document["ein"],
        business_alias=document["alias"],
        business_exchange_id=document["exchange_id"],
        created_at=document["created_at"],
        version=document["version"],
    )


def business_view(document: Document) -> Business:
    """A business, or an administrator in the place of one, as `svc.business` shows it."""
    return Business(
        business_id=document["_id"],
        name=document["name"],
        alias=document["alias"],
        ein=document["ein"],
        business_type=document["business_type"],
        admin_id=document.get("domain"),
        parent_id=document["parent_id"],
        exchange_id=document["exchange_id"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        version=document["version"],
    )


def entity_view(document: Document) -> Entity:
    """An entity as `svc.entity` shows it; an administrator is a business one."""
    return Entity(
        entity_id=document["_id"],
        entity_type="business" if is_root(document) else document["entity_type"],
        registration_number=document["registration_number"],
        trading_name=document["name"],
        parent_id=document["parent_id"],
        admin_id=document.get("domain"),
        user_id=document.get("user_id"),
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        version=document["version"],
    )


def administrator_data(changed: list[str]) -> Callable[[Document], AdministratorEventData]:
    """What makes the data of an event about an administrator."""

    def data(document: Document) -> AdministratorEventData:
        return AdministratorEventData(
            administrator_id=document["_id"],
            changed=changed,
            administrator=administrator_view(document),
        )

    return data


def administrator_modules_data(document: Document) -> AdministratorModulesData:
    """The data of the event that modules were switched for a domain."""
    return AdministratorModulesData(
        **administrator_data(["modules"])(document), modules=dict(set_in(document))
    )


def business_data(changed: list[str]) -> Callable[[Document], BusinessEventData]:
    """What makes the data of an event about a business."""

    def data(document: Document) -> BusinessEventData:
        return BusinessEventData(
            business_id=document["_id"], changed=changed, business=business_view(document)
        )

    return data


def entity_data(changed: list[str]) -> Callable[[Document], EntityEventData]:
    """What makes the data of an event about a personal entity."""

    def data(document: Document) -> EntityEventData:
        return EntityEventData(
            entity_id=document["_id"], changed=changed, entity=entity_view(document)
        )

    return data
