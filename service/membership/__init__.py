"""svc.account and svc.membership: who may do what in an account."""

from service.membership.account_operations import account_operations
from service.membership.membership_operations import membership_operations
from service.membership.store import ACCOUNTS, MEMBERSHIPS

__all__ = ["ACCOUNTS", "MEMBERSHIPS", "account_operations", "membership_operations"]
