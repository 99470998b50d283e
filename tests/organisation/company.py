"""What the tests of the organisation ask for again and again: a company under an administrator."""

import itertools
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.client import Partner, Reply, new_user

_count = itertools.count(1)


def ein() -> str:
    """An EIN that nobody has."""
    number = f"{next(_count):09}"
    return f"{number[:2]}-{number[2:]}"


def new_administrator(**fields: object) -> dict[str, Any]:
    """A request that makes an administrator."""
    return {
        "administrator_code": "TPA-7",
        "business_name": "Benefits United",
        "business_ein": ein(),
        "business_alias": "BU",
    } | fields


def new_business(admin_id: str, **fields: object) -> dict[str, Any]:
    """A request that makes an employer right under its administrator."""
    return {
        "name": "Protea Mining",
        "alias": "protea",
        "ein": ein(),
        "admin_id": admin_id,
        "business_type": "EMPLOYER",
    } | fields


def new_person(**fields: object) -> dict[str, Any]:
    """A request that makes a personal entity."""
    told = {k: v for k, v in new_user("").items() if k != "entity_id"}
    return {"entity_type": "personal"} | told | fields


async def create_administrator(partner: Partner, key: str = "", **fields: object) -> Reply:
    """Ask for an administrator, with a key of its own unless one is given."""
    body = new_administrator(**fields)
    return await partner.ask("administrator.create", body, idempotency_key=key or uuid4().hex)


@dataclass
class Company:
    """An administrator of a partner, and a way to make businesses under it."""

    partner: Partner
    admin_id: str

    @property
    def token(self) -> str:
        """A token with every scope that sees this administrator's domain only."""
        return self.partner.token(domain=self.admin_id)

    async def business(self, **fields: object) -> str:
        """A new employer, or what the fields make of it."""
        reply = await self.partner.ask("business.create", new_business(self.admin_id, **fields))
        id: str = reply.done["business_id"]
        return id

    async def nested(self, depth: int) -> list[str]:
        """Employers below each other, from the top down."""
        ids: list[str] = []
        for _ in range(depth):
            ids.append(await self.business(parent_id=ids[-1] if ids else self.admin_id))
        return ids

    async def lineage(self, business_id: str) -> list[str]:
        """The ids from a business up to its root."""
        reply = await self.partner.ask("business.lineage", {"business_id": business_id})
        return [each["business_id"] for each in reply.done["items"]]


async def new_company(partner: Partner) -> Company:
    """A company of a new administrator."""
    reply = await create_administrator(partner)
    return Company(partner, reply.done["administrator_id"])
