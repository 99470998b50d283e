"""What a role allows, and what holds for the admins of an account: nothing is read or written here.

Source: seed 003, "Changing Account Administrator".
"""

from collections.abc import Mapping
from typing import Any

from schemas.membership import Permission, Role
from service.membership.problems import (
    FundsSettled,
    LastAdmin,
    NotAccountAdmin,
    UserNotActive,
    UserNotConfirmed,
)

ADMIN = "admin"
MODERATOR = "moderator"
MEMBER = "member"
NONE = "none"
"""The role of who has none, or none any more."""

ROLES = [ADMIN, MEMBER, MODERATOR]

_PERMISSIONS: Mapping[str, frozenset[Permission]] = {
    ADMIN: frozenset({"VIEW", "CHANGE", "KYC_AND_BANKING"}),
    MODERATOR: frozenset({"VIEW", "CHANGE"}),
    MEMBER: frozenset({"VIEW"}),
}


def allows(role: str, permission: Permission) -> bool:
    """Whether who has the role may do this in the account."""
    return permission in _PERMISSIONS.get(role, frozenset())


def refuse_addition(acting: str, role: Role) -> None:
    """Refuse that who has the role `acting` adds somebody with this one.

    Raises: NotAccountAdmin.
    """
    if acting != ADMIN and (acting != MODERATOR or role == ADMIN):
        raise NotAccountAdmin


def refuse_unfit(user: Mapping[str, Any], path: str) -> None:
    """Refuse a user who cannot become an admin; `path` is where the request names it.

    Raises: UserNotActive, UserNotConfirmed.
    """
    if not user["active"]:
        raise UserNotActive(path=path)
    if not user["confirmed"]:
        raise UserNotConfirmed(path=path)


def refuse_settled(account: Mapping[str, Any]) -> None:
    """Refuse that the admins change, or that a change of them is proposed.

    Raises: FundsSettled.
    """
    if account["settled"]:
        raise FundsSettled


def admins_after(account: Mapping[str, Any], user_id: str, role: str) -> list[str]:
    """The account's admins once the user has the role: at least one, in the order of their coming.

    Raises: FundsSettled, LastAdmin.
    """
    admins: list[str] = account["admins"]
    if (user_id in admins) == (role == ADMIN):
        return admins
    refuse_settled(account)
    return [*admins, user_id] if role == ADMIN else admins_without(account, user_id)


def admins_without(account: Mapping[str, Any], user_id: str) -> list[str]:
    """The account's admins once this one is none any more, settled or not: at least one.

    Raises: LastAdmin.
    """
    left = [admin for admin in account["admins"] if admin != user_id]
    if not left:
        raise LastAdmin
    return left
