"""user.get, me, exists, and the contact e-mail."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.client import Partner, is_uuid
from tests.deployment import Deploy
from tests.eventually import eventually

ADDRESS = {"countryCode": "DE", "firstLine": "Allee 1", "postCode": "10115", "city": "Berlin"}


class TestUserObject:
    async def test_whole(self, partner: Partner) -> None:
        """get and me show the same object; what is unset in an address is an empty string."""
        user_id = await partner.user(
            first_name="Ann",
            last_name="Lee",
            email="Ann.Lee@example.com",
            phone_number="+27123",
            date_of_birth="1990-05-06T23:00:00-05:00",
            occupation="baker",
            avatar="https://example.com/a.png",
            address=ADDRESS,
        )
        got = await partner.ask("user.get", {"user_id": user_id})
        address_id = got.done["details"].pop("primaryAddress")
        assert is_uuid(address_id)
        assert got.done == {
            "id": user_id,
            "name": "Ann Lee",
            "email": "Ann.Lee@example.com",
            "active": True,
            "details": {
                "firstName": "Ann",
                "lastName": "Lee",
                "phoneNumber": "+27123",
                "dateOfBirth": "1990-05-07",
                "occupation": "baker",
                "avatar": "https://example.com/a.png",
                "address": ADDRESS | {"state": "", "occupation": ""},
            },
        }
        assert got.version == 1
        for body in (b"", b"{}", b" {} "):
            me = await partner.ask("user.me", body, partner.user_token(user_id))
            assert me.done["details"].pop("primaryAddress") == address_id
            assert (me.done, me.version) == (got.done, 1)

    async def test_without_optional_fields(self, partner: Partner) -> None:
        """Without an address there is none, nor an id of one."""
        reply = await partner.ask("user.get", {"user_id": await partner.user()})
        details = reply.done["details"]
        unset = ("occupation", "avatar", "primaryAddress", "address")
        assert [details[name] for name in unset] == ["", None, None, None]

    async def test_nothing_known_yet(self, partner: Partner) -> None:
        """A user of whom only the e-mail is known has neither name nor details."""
        user_id = await partner.user()
        names = ("first_name", "last_name", "phone_number", "date_of_birth")
        users = partner.deployment.database["users"]
        await users.update_one({"_id": user_id}, {"$set": dict.fromkeys(names)})
        got = (await partner.ask("user.get", {"user_id": user_id})).done
        assert (got["name"], got["details"]) == (None, None)
        await users.update_one({"_id": user_id}, {"$set": {"last_name": "Lee"}})
        got = (await partner.ask("user.get", {"user_id": user_id})).done
        assert (got["name"], got["details"]["firstName"]) == ("Lee", None)

    async def test_same_address_keeps_its_id(self, partner: Partner) -> None:
        """An address sent again is the same; another is another."""
        user_id = await partner.user(address=ADDRESS)

        async def address_id() -> Any:
            got = await partner.ask("user.get", {"user_id": user_id})
            return got.done["details"]["primaryAddress"]

        before = await address_id()
        same = ADDRESS | {"state": None, "city": " Berlin "}
        await partner.ask("user.update", {"user_id": user_id, "address": same})
        assert await address_id() == before
        moved = ADDRESS | {"city": "Bonn"}
        await partner.ask("user.update", {"user_id": user_id, "address": moved})
        assert await address_id() != before

    @pytest.mark.parametrize("title", ["user.get", "user.get_contact_email"])
    async def test_unknown(self, partner: Partner, title: str) -> None:
        """Nobody's id, another partner's and, for a user, anybody else's are not found."""
        stranger, neighbour = await Partner(partner.deployment).user(), await partner.user()
        own = partner.user_token(await partner.user())
        for user_id, token in ((str(uuid4()), None), (stranger, None), (neighbour, own)):
            reply = await partner.ask(title, {"user_id": user_id}, token)
            assert reply.refusal == (404, "USER_NOT_FOUND", "user_id")

    async def test_me_of_nobody(self, partner: Partner) -> None:
        """A token of a user that does not exist finds none."""
        reply = await partner.ask("user.me", {}, partner.user_token(str(uuid4())))
        assert reply.refusal == (404, "USER_NOT_FOUND", "user_id")

    async def test_me_takes_no_scope(self, partner: Partner) -> None:
        """That it is a user's own token is enough."""
        user_id = await partner.user()
        reply = await partner.ask("user.me", {}, partner.user_token(user_id, scopes=()))
        assert reply.done["id"] == user_id

    async def test_me_takes_no_fields(self, partner: Partner) -> None:
        """`me` asks for nothing in particular."""
        user_id = await partner.user()
        body = {"user_id": user_id}
        reply = await partner.ask("user.me", body, partner.user_token(user_id))
        assert reply.refusal == (400, "UNKNOWN_FIELD", "user_id")


class TestExists:
    async def test_active_user(self, partner: Partner) -> None:
        """True for an active user's e-mail, whatever its case, and for nobody else's."""

        async def exists(email: str, by: Partner = partner) -> Any:
            return (await by.ask("user.exists", {"email": email})).done["exists"]

        user_id = await partner.user(email="Ann.Lee@example.com")
        assert await exists("ann.LEE@EXAMPLE.com") is True
        assert await exists("bob.lee@example.com") is False
        assert await exists("ann.lee@example.com", Partner(partner.deployment)) is False
        await partner.ask("user.deactivate", {"user_id": user_id})
        assert await exists("ann.lee@example.com") is False

    async def test_email_is_checked(self, partner: Partner) -> None:
        """What is no address is refused."""
        for body, code in (({}, "REQUIRED"), ({"email": "x"}, "TOO_SHORT")):
            assert (await partner.ask("user.exists", body)).refusal == (400, code, "email")

    async def test_rate_of_its_own(self, deploy: Deploy) -> None:
        """It is limited apart from the rest, for each partner apart, and opens again."""
        deployment = await deploy(exists_rate=2)
        partner, other = Partner(deployment), Partner(deployment)
        body = {"email": "ann@example.com"}
        replies = await asyncio.gather(*(partner.ask("user.exists", body) for _ in range(30)))
        refused = [reply for reply in replies if reply.status != 200]
        assert 20 <= len(refused) < 30
        for reply in refused:
            assert reply.refusal == (429, "RATE_LIMITED", None)
            assert int(reply.headers["Retry-After"]) >= 1
        assert (await partner.ask("user.list", {})).done
        assert (await other.ask("user.exists", body)).done

        async def admitted() -> bool:
            return (await partner.ask("user.exists", body)).status == 200

        await eventually(admitted)


class TestContactEmail:
    async def test_set_and_read(self, partner: Partner) -> None:
        """It is told once set, in an event too; the same again is no change."""
        user_id = await partner.user()
        ask = {"user_id": user_id}
        unset = await partner.ask("user.get_contact_email", ask)
        assert unset.refusal == (404, "CONTACT_EMAIL_NOT_SET", "user_id")
        body = ask | {"email": "Reach.Me@example.com"}
        for _ in range(2):
            reply = await partner.ask("user.set_contact_email", body)
            assert (reply.done, reply.version) == ({"email": "Reach.Me@example.com"}, 2)
        got = await partner.ask("user.get_contact_email", ask)
        assert (got.done, got.version) == ({"email": "Reach.Me@example.com"}, 2)
        await partner.ask("user.set_contact_email", ask | {"email": "other@example.com"})
        events = await partner.events(user_id, 3)
        assert [event["type"] for event in events[1:]] == ["user.contact_email_set"] * 2
        assert events[1]["data"]["changed"] == ["contact_email"]
        assert events[1]["data"]["contact_email"] == "Reach.Me@example.com"

    async def test_address_of_another(self, partner: Partner) -> None:
        """It need not be the only one of its kind, nor differ from a user's own e-mail."""
        entity_id = await partner.entity()
        first = await partner.user(entity_id, email="ann@example.com")
        second = await partner.user(entity_id)
        for user_id in (first, second):
            body = {"user_id": user_id, "email": "ann@example.com"}
            assert (await partner.ask("user.set_contact_email", body)).done

    async def test_own_only(self, partner: Partner) -> None:
        """A user sets its own, not its neighbour's."""
        user_id, neighbour = await partner.user(), await partner.user()
        token, email = partner.user_token(user_id), "me@example.com"
        body = {"user_id": user_id, "email": email}
        own = await partner.ask("user.set_contact_email", body, token)
        assert own.done
        body = {"user_id": neighbour, "email": email}
        other = await partner.ask("user.set_contact_email", body, token)
        assert other.refusal == (404, "USER_NOT_FOUND", "user_id")
