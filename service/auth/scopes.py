"""The closed list of scopes, and who may ask: kinds of token."""

from enum import StrEnum


class Scope(StrEnum):
    """A right that a token carries. The list is closed."""

    READ_USER = "read:user"
    WRITE_USER = "write:user"
    READ_BUSINESS = "read:business"
    WRITE_BUSINESS = "write:business"
    READ_PERSON = "read:person"
    WRITE_PERSON = "write:person"
    READ_SENSITIVE = "read:sensitive"
    READ_ACCOUNT = "read:account"
    WRITE_ACCOUNT = "write:account"
    APPROVE_MEMBERSHIP = "approve:membership"
    READ_NOTIFICATIONS = "read:notifications"
    WRITE_NOTIFICATIONS = "write:notifications"
    READ_VERIFICATION = "read:verification"
    WRITE_VERIFICATION = "write:verification"
    DECIDE_VERIFICATION = "decide:verification"
    ADMIN_DOMAIN = "admin:domain"
    ADMIN_PRIVACY = "admin:privacy"
    READ_AUDIT = "read:audit"


class TokenUse(StrEnum):
    """A token's kind: a client's own, or one that stands for a user."""

    CLIENT = "client"
    USER = "user"
    PERSONAL = "personal"


ALL_SCOPES = frozenset(scope.value for scope in Scope)

USER_SCOPES = frozenset(
    {
        Scope.READ_USER,
        Scope.WRITE_USER,
        Scope.READ_PERSON,
        Scope.READ_NOTIFICATIONS,
        Scope.WRITE_NOTIFICATIONS,
        Scope.READ_ACCOUNT,
    }
)
"""What a user's own token is cut down to, whatever it was issued with."""

CLIENTS = frozenset({TokenUse.CLIENT})
USERS = frozenset({TokenUse.USER, TokenUse.PERSONAL})
ANYONE = CLIENTS | USERS
