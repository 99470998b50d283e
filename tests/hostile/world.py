"""Something of everything that a partner can have, for requests to be about."""

from dataclasses import dataclass
from typing import Any, Self

from tests.client import Partner
from tests.identity.people import consumer, contact, dependent, signer
from tests.membership.accounts import Accounts
from tests.organisation.company import Company, new_company

Target = tuple[dict[str, str], str, str]
"""How an update names what it changes, its id, and the collection that it is kept in."""


@dataclass
class World:
    """One of each, by its id."""

    partner: Partner
    company: Company
    business_id: str
    user_id: str
    consumer_id: str
    account_id: str
    member_token: str

    @classmethod
    async def of(cls, partner: Partner) -> Self:
        """A world of the partner's own."""
        company, accounts = await new_company(partner), Accounts(partner)
        business_id = await company.business()
        user_id, owner = await partner.user(business_id), await accounts.user()
        return cls(
            partner=partner,
            company=company,
            business_id=business_id,
            user_id=user_id,
            consumer_id=await consumer(partner, business_id),
            account_id=await accounts.open(owner),
            member_token=accounts.tokens[owner],
        )

    async def target(self, title: str) -> Target:
        """Something new for an update to change."""
        match title:
            case "user.update":
                id = await self.partner.user(self.business_id)
                return {"user_id": id}, id, "users"
            case "business.update":
                id = await self.company.business()
                return {"business_id": id}, id, "entities"
            case "identity.update_consumer":
                id = await consumer(self.partner, self.business_id)
                return {"consumer_id": id}, id, "persons"
            case "identity.update_dependent":
                id = await dependent(self.partner, self.consumer_id)
                return {"dependent_id": id}, id, "persons"
            case "identity.update_authorized_signer":
                id = await signer(self.partner, self.consumer_id)
                return {"authorized_signer_id": id}, id, "persons"
        id = await contact(self.partner, self.business_id)
        return {"business_contact_id": id}, id, "persons"

    async def shown(self, title: str, key: dict[str, str], id: str, blocks: list[str]) -> Any:
        """What a read shows of the one with this id."""
        match title:
            case "business.get":
                body: dict[str, Any] = key
            case "identity.get_consumer":
                body = key | {"expand": blocks}
            case "user.list":
                body = {"entity_id": self.business_id}
            case "identity.list_business_contacts":
                body = {"business_id": self.business_id}
            case "identity.list_authorized_signers":
                body = {"consumer_id": self.consumer_id, "expand": ["ADDRESSES"]}
            case _:
                body = {"consumer_id": self.consumer_id}
        reply = (await self.partner.ask(title, body)).done
        found = reply.get("users") or reply.get("items") or [reply]
        name = next(iter(key))
        return next(each for each in found if id in (each.get(name), each.get("id")))

    @property
    def ids(self) -> dict[str, str]:
        """Each id under the names that requests have for it."""
        return {
            "entity_id": self.business_id,
            "business_id": self.business_id,
            "parent_id": self.business_id,
            "admin_id": self.company.admin_id,
            "administrator_id": self.company.admin_id,
            "user_id": self.user_id,
            "owner_user_id": self.user_id,
            "person_id": self.consumer_id,
            "consumer_id": self.consumer_id,
            "aggregate_id": self.user_id,
            "account_id": self.account_id,
            "member_access_token": self.member_token,
        }
