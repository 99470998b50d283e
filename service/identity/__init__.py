"""svc.identity: people, where they belong, and what is known of them."""

from service.identity.operations import operations
from service.identity.store import PERSONS

__all__ = ["PERSONS", "operations"]
