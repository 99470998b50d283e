"""What is set for a partner as a whole: which modules are on, and which media may be used."""

from service.partners.store import PARTNERS

__all__ = ["PARTNERS"]
