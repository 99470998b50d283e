"""svc.preference: whether, and how, a person is told."""

from service.preference.operations import operations
from service.preference.store import PREFERENCES

__all__ = ["PREFERENCES", "operations"]
