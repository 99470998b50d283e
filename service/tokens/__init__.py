"""svc.token: clients, their tokens, and the sessions of users that they act for."""

from service.tokens.operations import operations
from service.tokens.sessions import SESSIONS

__all__ = ["SESSIONS", "operations"]
