"""What partners do, service by service: the mixed load that goes on while things die.

A journey makes aggregates of its own, or takes turns at one that is shared, so that each of its
changes does change something: what is acknowledged must then have an event. A service that is new
gets a journey here, and `ALL_SERVICES` says that none was forgotten.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from service.app import OPERATIONS
from service.auth.scopes import TokenUse
from tests.client import new_user
from tests.clients import signing_up
from tests.faults.house import House
from tests.faults.load import Answer, Load
from tests.identity.people import new_consumer, new_contact, new_dependent, new_signer
from tests.membership.accounts import CONTEXT
from tests.organisation.company import new_administrator, new_business, new_person
from tests.preference.asking import CONFIRMATION, EXTERNAL, external_item, trigger_item

ALL_SERVICES = frozenset(operation.service for operation in OPERATIONS)


@dataclass
class Journeys:
    """The journeys of a house; `client` is the id and secret of a client that asks for tokens."""

    house: House
    client: tuple[str, str]
    asked: set[str] = field(default_factory=set)
    """The services that were asked something."""
    master: bool = True
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def all(self) -> Sequence[Callable[[Load], Awaitable[object]]]:
        """One for each service, or for those that belong together; some twice as often."""
        return (
            *(Load.make_or_change_user, Load.make_or_change_user),
            *(self.user, self.organisation, self.signup, self.identity),
            *(self.verification, self.membership, self.preference, self.master_switches),
            self.privacy,
        )

    async def user(self, load: Load) -> None:
        """A user is made, written to, switched off and on, and looked at."""
        body = new_user(load.entity_id, email=_email())
        user = {"user_id": (await self.made(load, "user.create", body)).body["userId"]}
        await self.change(load, "user.set_contact_email", user | {"email": _email()})
        await self.change(load, "user.deactivate", user)
        await self.change(load, "user.activate", user)
        await self.look(load, "user.get", user)
        await self.look(load, "user.list", {"limit": 5})

    async def organisation(self, load: Load) -> None:
        """A company is made under an administrator, renamed and rearranged; and a person's."""
        made = await self.made(load, "administrator.create", new_administrator(business_ein=_ein()))
        admin = made.body["administrator_id"]
        first, second = [
            (await self.made(load, "business.create", new_business(admin, ein=_ein()))).body
            for _ in range(2)
        ]
        below = {"business_id": second["business_id"]}
        await self.change(load, "business.update", below | {"name": "Protea Gold"})
        await self.change(load, "business.move", below | {"parent_id": first["business_id"]})
        modules = {"administrator_id": admin, "modules": {"VERIFICATION": False}}
        await self.change(load, "administrator.set_modules", modules)
        await self.look(load, "business.lineage", below)
        await self.look(load, "business.descendants", {"business_id": admin})
        await self.made(load, "entity.create", new_person(email=_email()))
        await self.look(load, "entity.list", {"limit": 5})

    async def signup(self, load: Load) -> None:
        """A user signs up, reads its e-mail, gets tokens and a profile, and ends its session."""
        request = signing_up(email=_email())
        user = {"user_id": (await self.made(load, "user.signup", request)).body["id"]}
        await self.confirm(load, user)
        await self.made(load, "profile.create", user | {"type": "personal"})
        await self.look(load, "profile.list", user)
        credentials = dict(zip(("client_id", "client_secret"), self.client, strict=True))
        code = {"email": request["email"], "registration_code": request["registrationCode"]}
        grant = {"grant_type": "registration_code"} | credentials | code
        issued = await self.look(load, "token.issue", grant)
        if issued.status == 200:  # else the exchange was carried out, and its answer lost
            ended = credentials | {"token": issued.body["refresh_token"]}
            await self.change(load, "token.revoke", ended)

    async def identity(self, load: Load) -> None:
        """A household is made, changed and shown."""
        business = {"business_id": load.entity_id}
        made = await self.made(load, "identity.create_consumer", new_consumer(load.entity_id))
        consumer = {"consumer_id": made.body["consumer_id"]}
        for kind, new in (("dependent", new_dependent), ("authorized_signer", new_signer)):
            body = new(consumer["consumer_id"])
            made = await self.made(load, f"identity.create_{kind}", body)
            changed = {f"{kind}_id": made.body[f"{kind}_id"], "first_name": "George"}
            await self.change(load, f"identity.update_{kind}", changed)
        await self.change(load, "identity.update_consumer", consumer | {"first_name": "Annabella"})
        await self.made(load, "identity.create_business_contact", new_contact(load.entity_id))
        await self.look(load, "identity.household", consumer)
        await self.look(load, "identity.list_consumers", business | {"limit": 5})

    async def verification(self, load: Load) -> None:
        """A user's identity is verified, which is told of the user as well."""
        created = await self.made(load, "user.create", new_user(load.entity_id, email=_email()))
        person = {"person_id": created.body["userId"]}
        submitted = person | {"kind": "IDENTITY", "evidence": {"note": "seen in person"}}
        submitter = self.house.token_of("submitter", TokenUse.CLIENT)
        made = await self.made(load, "verification.submit", submitted, submitter)
        verification = {"verification_id": made.body["verification_id"]}
        await self.change(load, "verification.decide", verification | {"decision": "APPROVED"})
        await self.look(load, "verification.get", verification)

    async def membership(self, load: Load) -> None:
        """An account is opened, and another user becomes an admin of it, a member, and nobody."""
        owner, other = [await self.confirmed_user(load) for _ in range(2)]
        owns, others = [self.house.token_of(id, TokenUse.USER) for id in (owner, other)]
        opened = {"name": "Bakery", "owner_user_id": owner}
        made = await self.made(load, "account.create", opened)
        account = {"account_id": made.body["account_id"]}
        proposed = {"role": "admin", "admin_context": CONTEXT}
        added = account | proposed | {"member_access_token": others}
        await self.made(load, "membership.create", added, owns)
        member = account | {"user_id": other}
        await self.change(load, "membership.approve", member)
        await self.look(load, "membership.check", member | {"permission": "CHANGE"})
        await self.change(load, "membership.modify", member | {"role": "member"}, owns)
        await self.change(load, "membership.remove", member, owns)
        await self.change(load, "account.record_settlement", account)
        await self.look(load, "account.list", {"user_id": owner})

    async def preference(self, load: Load) -> None:
        """A user sets what it wants to be told, and somebody asks before telling it."""
        created = await self.made(load, "user.create", new_user(load.entity_id, email=_email()))
        person = {"person_id": created.body["userId"]}
        item = trigger_item(CONFIRMATION, "EMAIL", enabled=False)
        await self.change(load, "preference.put", person | {"items": [item]})
        item = external_item(next(iter(EXTERNAL)), "EMAIL", opted_in=False)
        await self.change(load, "preference.put_external", person | {"items": [item]})
        asked = person | {"notification_preference_type": CONFIRMATION}
        await self.look(load, "preference.evaluate", asked)

    async def master_switches(self, load: Load) -> None:
        """The partner's one switch, which one client at a time may have in hand."""
        async with self.turn:
            self.master = not self.master
            body = {"switches": {"PAPER": self.master}}
            await self.change(load, "preference.put_master", body)

    async def privacy(self, load: Load) -> None:
        """A user is looked into, exported and erased: then nothing is told of it but that."""
        ids = [str(uuid4()) for _ in range(2)]
        new = new_user(load.entity_id, email=_email())
        created = await load.change("user.create", new, key=ids[0], request_id=ids[0])
        person = {"person_id": created.body["userId"]}
        told = {"user_id": person["person_id"], "email": _email()}
        await load.change("user.set_contact_email", told, request_id=ids[1])
        await self.look(load, "privacy.history", {"aggregate_id": person["person_id"]})
        await self.look(load, "privacy.export", person)
        await self.made(load, "privacy.erase", person | {"reason": "asked for"})
        load.erased.update(ids)

    async def confirmed_user(self, load: Load) -> str:
        """A user who has confirmed its e-mail."""
        created = await self.made(load, "user.create", new_user(load.entity_id, email=_email()))
        user = {"user_id": created.body["userId"]}
        await self.confirm(load, user)
        return str(user["user_id"])

    async def confirm(self, load: Load, user: dict[str, Any]) -> None:
        """Confirm the user's e-mail.

        Each code ends the one before it: also one that was asked for, and is carried out late.
        """
        confirmed = False
        while not confirmed:
            sent = await self.look(load, "user.send_confirmation", user)
            code = {"confirmation_code": sent.body["confirmation_code"]}
            confirmed = (await self.change(load, "user.confirm", user | code)).status == 200

    async def made(
        self, load: Load, title: str, body: dict[str, Any], token: str | None = None
    ) -> Answer:
        """Ask for something new, under a key, so that it is there once whatever happens."""
        self.asked.add(title.partition(".")[0])
        answer = await load.change(title, body, key=str(uuid4()), token=token)
        assert answer.status == 200, (title, answer)
        return answer

    async def change(
        self, load: Load, title: str, body: dict[str, Any], token: str | None = None
    ) -> Answer:
        """Ask for a change; asked for again it may be refused, having been carried out."""
        self.asked.add(title.partition(".")[0])
        return await load.change(title, body, token=token)

    async def look(self, load: Load, title: str, body: dict[str, Any]) -> Answer:
        """Ask for what has no event."""
        self.asked.add(title.partition(".")[0])
        return await load.ask_until_answered(title, body)


def _email() -> str:
    return f"{uuid4().hex}@example.com"


def _ein() -> str:
    number = f"{secrets.randbelow(10**9):09}"
    return f"{number[:2]}-{number[2:]}"
