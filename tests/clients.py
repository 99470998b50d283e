"""A client of a partner, with credentials of its own, as `svc-user client add` gives them."""

import itertools
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from service.auth.scopes import ALL_SCOPES
from service.tokens.clients import Clients
from tests.client import Partner, Reply

_count = itertools.count(1)


@dataclass(frozen=True)
class SignedUp:
    """A user who has signed up, and what it did so with."""

    id: str
    email: str
    code: str


@dataclass
class Client:
    """Asks for tokens, and for users with them."""

    partner: Partner
    id: str
    secret: str

    @classmethod
    async def of(
        cls, partner: Partner, scopes: Iterable[str] = ALL_SCOPES, domain: str | None = None
    ) -> Self:
        """A new client of the partner."""
        clients = Clients(partner.deployment.worker.mongo)
        added = await clients.add(partner.name, "tests", scopes, domain, datetime.now(UTC))
        return cls(partner, *added)

    async def issue(self, grant_type: str = "client_credentials", **fields: Any) -> Reply:
        """Ask svc.token for a token."""
        credentials = {"client_id": self.id, "client_secret": self.secret}
        body = {"grant_type": grant_type, **credentials, **fields}
        return await self.partner.ask("token.issue", body, token="")

    async def token(self) -> str:
        """A token of the client's own."""
        token: str = (await self.issue()).done["access_token"]
        return token

    async def signed_up(self, **fields: Any) -> SignedUp:
        """A user who has just signed up."""
        request = signing_up(**fields)
        reply = await self.partner.ask("user.signup", request, await self.token())
        return SignedUp(reply.done["id"], request["email"], request["registrationCode"])

    async def exchange(self, user: SignedUp, **fields: Any) -> Reply:
        """Exchange the user's registration code."""
        sent = {"email": user.email, "registration_code": user.code} | fields
        return await self.issue("registration_code", **sent)

    async def refresh(self, token: str) -> Reply:
        """Exchange a refresh token for the next ones."""
        return await self.issue("refresh_token", refresh_token=token)

    async def revoke(self, token: str, **fields: Any) -> Reply:
        """Revoke a token."""
        credentials = {"client_id": self.id, "client_secret": self.secret}
        return await self.partner.ask("token.revoke", {**credentials, "token": token, **fields}, "")


def signing_up(**fields: Any) -> dict[str, Any]:
    """A request that signs up a user nobody else is."""
    email = f"new.{next(_count)}.{secrets.token_hex(4)}@example.com"
    return {"email": email, "registrationCode": secrets.token_urlsafe(32)} | fields
