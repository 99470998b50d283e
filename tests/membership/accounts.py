"""Accounts as the tests play them: who is in them, and what each of those asks with its token."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from schemas.event import Event
from tests.client import Partner, Reply, events_on, new_user

CONTEXT = {"reason": "other", "explanation": "we grow"}


@dataclass
class Accounts:
    """The accounts of one partner, and the users who may have roles in them."""

    partner: Partner
    entity_id: str = ""
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    async def user(self, *, confirmed: bool = True, entity_id: str | None = None) -> str:
        """A new user who has confirmed its e-mail, or has not."""
        if entity_id is None and not self.entity_id:
            self.entity_id = await self.partner.entity()
        # An address of its own: several of these may stand before one database.
        email = f"{uuid4().hex}@example.com"
        body = new_user(entity_id or self.entity_id, email=email)
        id: str = (await self.partner.ask("user.create", body)).done["userId"]
        await self.set_confirmed(id, confirmed)
        self.tokens[id] = self.partner.user_token(id)
        return id

    async def set_confirmed(self, user_id: str, confirmed: bool) -> None:
        """Say of a user that it has confirmed its e-mail, past the operation that does so."""
        users = self.partner.deployment.database["users"]
        await users.update_one({"_id": user_id}, {"$set": {"confirmed": confirmed}})

    async def open(self, owner: str, **fields: object) -> str:
        """A new account of this owner."""
        body = {"name": "Bakery", "owner_user_id": owner} | fields
        id: str = (await self.partner.ask("account.create", body)).done["account_id"]
        return id

    async def add(
        self, acting: str, account_id: str, user_id: str, role: str | None = None, **headers: str
    ) -> Reply:
        """Ask, as this user, to add another; with a context where the role needs one."""
        body: dict[str, Any] = {
            "account_id": account_id,
            "member_access_token": self.tokens[user_id],
        }
        if role is not None:
            body["role"] = role
        if role == "admin":
            body["admin_context"] = CONTEXT
        return await self.partner.ask("membership.create", body, self.tokens[acting], **headers)

    async def modify(
        self, acting: str, account_id: str, user_id: str, role: str, **headers: str
    ) -> Reply:
        """Ask, as this user, to give another a role; with a context where the role needs one."""
        body: dict[str, Any] = {"account_id": account_id, "user_id": user_id, "role": role}
        if role == "admin":
            body["admin_context"] = CONTEXT
        return await self.partner.ask("membership.modify", body, self.tokens[acting], **headers)

    async def remove(self, acting: str, account_id: str, user_id: str, **headers: str) -> Reply:
        """Ask, as this user, to take another's role away."""
        body = {"account_id": account_id, "user_id": user_id}
        return await self.partner.ask("membership.remove", body, self.tokens[acting], **headers)

    async def approve(self, account_id: str, user_id: str, **headers: str) -> Reply:
        """Ask, as the risk team, to make a proposed admin one."""
        body = {"account_id": account_id, "user_id": user_id}
        return await self.partner.ask("membership.approve", body, **headers)

    async def reject(self, account_id: str, user_id: str, **headers: str) -> Reply:
        """Ask, as the risk team, not to make a proposed admin one."""
        body = {"account_id": account_id, "user_id": user_id, "reason": "no papers"}
        return await self.partner.ask("membership.reject", body, **headers)

    async def settle(self, account_id: str) -> Reply:
        """Ask to record that the account has settled funds."""
        return await self.partner.ask("account.record_settlement", {"account_id": account_id})

    async def appoint(self, acting: str, account_id: str, user_id: str) -> None:
        """Add a user as an admin, approval included."""
        assert (await self.add(acting, account_id, user_id, "admin")).done
        assert (await self.approve(account_id, user_id)).done["role"] == "admin"

    async def memberships(self, account_id: str) -> dict[str, dict[str, Any]]:
        """The account's memberships by user."""
        reply = await self.partner.ask("membership.list", {"account_id": account_id, "limit": 500})
        return {each["user_id"]: each for each in reply.done["items"]}

    async def roles(self, account_id: str) -> dict[str, tuple[str, str | None]]:
        """Role and pending role of each user of the account."""
        found = await self.memberships(account_id)
        return {id: (each["role"], each["pending_role"]) for id, each in found.items()}

    async def kept(self, account_id: str) -> dict[str, Any]:
        """The account's document."""
        accounts = self.partner.deployment.database["accounts"]
        document = await accounts.find_one({"_id": account_id})
        assert document is not None
        return document

    async def events(self, account_id: str) -> list[Event]:
        """The events of the account, once the stream has them all."""
        version = (await self.kept(account_id))["version"]
        return await self.partner.events(account_id, version)

    async def membership_events(self) -> list[Event]:
        """All events of memberships that the stream has now."""
        return await events_on(self.partner.deployment, f"evt.membership.{self.partner.name}.>")
