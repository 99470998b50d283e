"""Accounts and memberships in MongoDB: the only code that knows their field names there.

An account holds its `admins`, the ids of all users with that role, so that one document decides
whether the last of them may go; a change of them is a change of the account, and has its event.

A membership is one user's part in one account, for good: when it is removed its role is `none`, and
when the user is added again it is the same one that gets a role. So whatever happened to a user in
an account stands in the stream in one order; a new aggregate each time would have its first event
beside, perhaps before, the last one of the old. Its `seat` is account and user in one value, unique
and read in batches. It repeats what never changes of its account: `domain` and `entity_id`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemas.membership import (
    Account,
    AccountAdminsChanged,
    AccountEventData,
    AdminContext,
    AdminContextView,
    CreateAccount,
    ListAccounts,
    ListMemberships,
    Membership,
    MembershipDecidedData,
    MembershipEventData,
    MembershipRole,
)
from service.call import Call
from service.membership.roles import ADMIN, ROLES
from service.storage.kind import Index, Kind
from service.storage.mongo import Document
from service.storage.writes import Change

ACCOUNTS = Kind(
    "accounts",
    (
        Index("by_partner", ("partner", "_id")),
        Index("by_domain", ("partner", "domain", "_id"), where={"domain": {"$exists": True}}),
        Index("by_entity", ("partner", "entity_id", "_id")),
    ),
    # No operation moves an account, so its domain is fixed too.
    fixed=("entity_id",),
)

SEAT = "seat"
"""The field, and its unique index, that gives a user one role in an account."""

MEMBERSHIPS = Kind(
    "memberships",
    (
        Index(SEAT, (SEAT,), unique=True),
        Index("of_account", ("account_id", "pending", "role", "_id")),
        Index("of_user", ("partner", "user_id", "pending", "role", "_id")),
        Index("accounts_of_user", ("partner", "user_id", "role", "account_id")),
    ),
)

ACCOUNT_FIELDS = (
    "name",
    "description",
    "entity_id",
    "owner_user_id",
    "settled",
    "settled_at",
    "created_at",
)
RULING_FIELDS = ("entity_id", "admins", "settled")
"""What rules ask of an account."""

MEMBERSHIP_FIELDS = (
    "account_id",
    "user_id",
    "role",
    "pending",
    "admin_context",
    "created_at",
    "updated_at",
)


def seat(account_id: str, user_id: str) -> str:
    """The one place that a user can have in an account."""
    return f"{account_id}/{user_id}"


def new_account(id: str, request: CreateAccount, entity: Document | None) -> Document:
    """The document of an account with its owner as the one admin."""
    document = {
        "_id": id,
        "name": request.name,
        "description": request.description,
        "entity_id": request.entity_id,
        "owner_user_id": request.owner_user_id,
        "admins": [request.owner_user_id],
        "settled": False,
        "settled_at": None,
    }
    if entity is not None and "domain" in entity:
        document["domain"] = entity["domain"]
    return document


def new_membership(id: str, account: Document, user_id: str, role: Mapping[str, Any]) -> Document:
    """The document of a user's part in an account; `role` is what `given` makes."""
    document = {
        "_id": id,
        SEAT: seat(account["_id"], user_id),
        "account_id": account["_id"],
        "user_id": user_id,
        "entity_id": account["entity_id"],
        **role,
    }
    if "domain" in account:
        document["domain"] = account["domain"]
    return document


def given(role: str, context: AdminContext | None = None, *, pending: bool = False) -> Document:
    """The fields of a membership that has this role now; `pending`: it is proposed as an admin."""
    kept = context.model_dump() if context is not None else None
    return {"role": role, "pending": pending, "admin_context": kept}


def find_seat(call: Call, account_id: str, user_id: str) -> asyncio.Future[Document | None]:
    """The user's role in the account, or None where there never was one.

    Raises: Unavailable.
    """
    return call.storage[MEMBERSHIPS].read_by(SEAT, seat(account_id, user_id), ("role",))


async def find_account_ids(
    call: Call, user_id: str, query: Mapping[str, Any], limit: int = 0
) -> list[str]:
    """The ids of the accounts that the user has a role in, of those that match, in their order.

    Raises: Unavailable.
    """
    whole = {"partner": call.partner, "user_id": user_id, "role": {"$in": ROLES}, **query}
    found = await call.storage[MEMBERSHIPS].find(
        whole, ("account_id",), hint="accounts_of_user", sort="account_id", limit=limit
    )
    return [membership["account_id"] for membership in found]


def within(call: Call, entity_id: str | None = None) -> dict[str, Any]:
    """What an account and its memberships have in common: the token's domain, the entity."""
    query: dict[str, Any] = {}
    if call.caller.domain is not None:
        query["domain"] = call.caller.domain
    if entity_id is not None:
        query["entity_id"] = entity_id
    return query


def accounts_query(call: Call, request: ListAccounts) -> tuple[dict[str, Any], str]:
    """The query of a list request without `user_id` for this caller, and the index for it."""
    query: dict[str, Any] = {"partner": call.partner, **within(call, request.entity_id)}
    if request.entity_id is not None:
        return query, "by_entity"
    return query, "by_domain" if "domain" in query else "by_partner"


def memberships_query(
    call: Call, request: ListMemberships, account_ids: Sequence[str] | None
) -> tuple[dict[str, Any], str]:
    """The query of a list request for this caller, and the index that serves it.

    `account_ids` are those that the caller is confined to; None: what the request says is enough.
    """
    query: dict[str, Any] = {
        "partner": call.partner,
        # Always there, so that an index with both before the id gives documents in their order.
        "role": {"$in": ROLES} if request.role is None else request.role,
        "pending": {"$in": [True, False]} if request.pending is None else request.pending,
        **within(call),
    }
    if account_ids is not None:
        query["account_id"] = {"$in": account_ids}
    elif request.account_id is not None:
        query["account_id"] = request.account_id
    if request.user_id is None:
        return query, "of_account"
    query["user_id"] = request.user_id
    if request.account_id is None:
        return query, "of_user"
    query[SEAT] = seat(request.account_id, request.user_id)
    return query, SEAT


def account_view(document: Document) -> Account:
    """An account as replies and events show it."""
    return Account(
        account_id=document["_id"],
        name=document["name"],
        description=document["description"],
        entity_id=document["entity_id"],
        owner_user_id=document["owner_user_id"],
        settled=document["settled"],
        settled_at=document["settled_at"],
        created_at=document["created_at"],
        version=document["version"],
    )


def membership_view(document: Document) -> Membership:
    """A membership as lists and events show it."""
    context = document["admin_context"]
    return Membership(
        membership_id=document["_id"],
        account_id=document["account_id"],
        user_id=document["user_id"],
        role=document["role"],
        pending_role=ADMIN if document["pending"] else None,
        admin_context=_context(context) if context is not None else None,
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        version=document["version"],
    )


def _context(context: Document) -> AdminContextView:
    return AdminContextView(reason=context["reason"], explanation=context["explanation"])


def role_reply(account_id: str, user_id: str, role: Mapping[str, Any]) -> MembershipRole:
    """The three fields of seed 003, and a fourth while the user is proposed as an admin."""
    reply = MembershipRole(account_id=account_id, user_id=user_id, role=role["role"])
    if role["pending"]:
        reply["pending_role"] = ADMIN
    return reply


def admins_changed(admins: Sequence[str]) -> Change:
    """The change of an account that has these admins from now on."""
    return Change(AccountAdminsChanged, {"admins": admins}, account_event(["admins"]))


def account_event(changed: list[str]) -> Callable[[Document], AccountEventData]:
    """What makes the data of an event about an account."""

    def data(document: Document) -> AccountEventData:
        return AccountEventData(
            account_id=document["_id"],
            changed=changed,
            account=account_view(document),
            admins=document["admins"],
        )

    return data


def membership_event(changed: list[str]) -> Callable[[Document], MembershipEventData]:
    """What makes the data of an event about a membership."""

    def data(document: Document) -> MembershipEventData:
        return MembershipEventData(
            membership_id=document["_id"],
            account_id=document["account_id"],
            user_id=document["user_id"],
            changed=changed,
            membership=membership_view(document),
        )

    return data


def decided_event(
    changed: list[str], reason: str | None
) -> Callable[[Document], MembershipDecidedData]:
    """What makes the data of an event about a proposal that was approved or rejected."""
    tell = membership_event(changed)

    def data(document: Document) -> MembershipDecidedData:
        return MembershipDecidedData(**tell(document), reason=reason)

    return data


def names_told(before: Mapping[str, Any], fields: Mapping[str, Any]) -> list[str]:
    """The names of the fields that differ, as a membership shows them."""
    different = {name for name, value in fields.items() if value != before.get(name)}
    return sorted("pending_role" if name == "pending" else name for name in different)
