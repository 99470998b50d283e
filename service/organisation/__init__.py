"""svc.entity: who users belong to."""

from service.organisation.operations import entity_operations
from service.organisation.store import ENTITIES

__all__ = ["ENTITIES", "entity_operations"]
