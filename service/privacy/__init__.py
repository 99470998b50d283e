"""svc.privacy: what is known of a person, what was done with it, and forgetting it."""

from service.privacy.operations import operations
from service.privacy.store import ERASURES

__all__ = ["ERASURES", "operations"]
