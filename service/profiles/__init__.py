"""svc.profile: the profiles of a user, one personal and one for each business."""

from service.profiles.operations import operations
from service.profiles.store import PROFILES

__all__ = ["PROFILES", "operations"]
