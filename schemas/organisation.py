"""svc.entity: who users belong to. Sources: seed 000 (WEX), seed 002 (Vertex Engine)."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from typing_extensions import TypedDict

from schemas.base import Line, Request, Text, Uuid
from schemas.event import EventData, EventType


class CreateEntity(Request):
    """A business entity; its users are created one by one."""

    entity_type: Literal["business"]
    registration_number: Line
    trading_name: Text
    parent_id: Uuid | None = Field(default=None, description="Left out for a root of its own.")


class EntityId(Request):
    """An entity, by its id."""

    entity_id: Uuid


class EntityReference(TypedDict):
    """The id of the entity."""

    entityId: str


class Entity(TypedDict):
    """An entity; `user_id` for a personal one only."""

    entity_id: str
    entity_type: str
    registration_number: str | None
    trading_name: str | None
    parent_id: str | None
    admin_id: str | None
    user_id: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class Business(TypedDict):
    """A business entity as part of the hierarchy."""

    business_id: str
    name: str
    alias: str | None
    ein: str | None
    business_type: str
    admin_id: str | None
    parent_id: str | None
    exchange_id: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class BusinessEventData(EventData):
    """A business after the change."""

    business_id: str
    business: Business


BusinessCreated = EventType("business.created", BusinessEventData, "A business was made.")
