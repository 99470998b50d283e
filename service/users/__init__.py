"""svc.user: users of an entity."""

from service.users.operations import operations
from service.users.store import USERS

__all__ = ["USERS", "operations"]
