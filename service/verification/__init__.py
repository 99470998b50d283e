"""svc.verification: proof of who people are, and of their bank accounts."""

from service.verification.operations import operations
from service.verification.store import VERIFICATIONS

__all__ = ["VERIFICATIONS", "operations"]
