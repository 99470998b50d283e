"""svc.administrator, svc.business, svc.entity: who users and people belong to, one tree."""

from service.organisation.administrator_operations import administrator_operations
from service.organisation.business_operations import business_operations
from service.organisation.entity_operations import entity_operations
from service.organisation.store import ENTITIES

__all__ = ["ENTITIES", "administrator_operations", "business_operations", "entity_operations"]
