"""user.list: filters, pages, cursors, and what is masked for whom."""

import asyncio
import base64
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from service.auth.scopes import ALL_SCOPES
from tests.client import Partner, new_user
from tests.deployment import Deploy
from tests.eventually import eventually

MASKED = ALL_SCOPES - {"read:sensitive"}


async def listed(partner: Partner, **request: object) -> list[str]:
    """The ids in the reply."""
    return [user["id"] for user in (await partner.ask("user.list", request)).done["users"]]


class TestFilters:
    @pytest.fixture
    async def people(self, partner: Partner) -> dict[str, str]:
        """Four users by name, of two entities; two share a phone, two had the same e-mail."""
        first, second = await partner.entity(), await partner.entity()
        phone, email = "+27110000001", "Shared@example.com"
        ann = await partner.user(first, email=email, phone_number=phone)
        await partner.ask("user.deactivate", {"user_id": ann})
        bob = await partner.user(first, email=email.lower(), phone_number="+27110000002")
        eve = await partner.user(second, phone_number=phone)
        dan = await partner.user(second, phone_number="+27110000003")
        return {"first": first, "second": second, "ann": ann, "bob": bob, "eve": eve, "dan": dan}

    @pytest.mark.parametrize(
        ("request_", "found"),
        [
            ({}, "ann bob eve dan"),
            ({"entity_id": "first"}, "ann bob"),
            ({"email": "SHARED@example.com"}, "ann bob"),
            ({"phone_number": "+27110000001"}, "ann eve"),
            ({"phone_number": " +27110000001 "}, "ann eve"),
            ({"active": True}, "bob eve dan"),
            ({"active": False}, "ann"),
            ({"entity_id": "first", "active": True}, "bob"),
            ({"entity_id": "second", "phone_number": "+27110000001"}, "eve"),
            ({"email": "shared@example.com", "active": False}, "ann"),
            ({"email": "shared@example.com", "phone_number": "+27110000002"}, "bob"),
            ({"phone_number": "+27110000001", "active": True}, "eve"),
            (
                {
                    "entity_id": "first",
                    "email": "shared@example.com",
                    "phone_number": "+27110000001",
                    "active": False,
                },
                "ann",
            ),
            ({"entity_id": "second", "email": "shared@example.com"}, ""),
            ({"entity_id": "nobody's"}, ""),
            ({"email": "nobody@example.com"}, ""),
            ({"phone_number": "+2711"}, ""),
            ({"entity_id": None, "email": None, "phone_number": None}, "ann bob eve dan"),
            ({"active": None, "cursor": None}, "ann bob eve dan"),
        ],
    )
    async def test_filters_combine(
        self, partner: Partner, people: dict[str, str], request_: dict[str, Any], found: str
    ) -> None:
        """Each filter, and several at once, find the users they name, oldest first."""
        if request_.get("entity_id") is not None:
            request_ = request_ | {"entity_id": people.get(request_["entity_id"], str(uuid4()))}
        assert await listed(partner, **request_) == [people[name] for name in found.split()]

    @pytest.mark.parametrize(
        ("name", "value", "code"),
        [
            ("entity_id", "first", "INVALID_FORMAT"),
            ("email", "nobody", "INVALID_FORMAT"),
            ("phone_number", "1", "TOO_SHORT"),
            ("active", "true", "INVALID_FORMAT"),
            ("limit", 0, "NOT_ALLOWED_VALUE"),
            ("limit", -1, "NOT_ALLOWED_VALUE"),
            ("limit", 501, "NOT_ALLOWED_VALUE"),
            ("limit", 2**64, "NOT_ALLOWED_VALUE"),
            ("limit", "10", "INVALID_FORMAT"),
            ("limit", 1.5, "INVALID_FORMAT"),
            ("limit", True, "INVALID_FORMAT"),
            ("limit", None, "INVALID_FORMAT"),
            ("cursor", 7, "INVALID_FORMAT"),
            ("offset", 10, "UNKNOWN_FIELD"),
        ],
    )
    async def test_wrong_request(
        self, partner: Partner, name: str, value: object, code: str
    ) -> None:
        """A filter that could match nothing is refused rather than left out."""
        body = b'{"limit": %d}' % value if value == 2**64 else {name: value}
        assert (await partner.ask("user.list", body)).refusal == (400, code, name)


class TestPages:
    async def test_pages_join(self, partner: Partner) -> None:
        """Page by page every user comes once, in the order of creation, whatever the size."""
        entity_id = await partner.entity()
        created = [await partner.user(entity_id) for _ in range(7)]
        for limit in (1, 2, 3, 7, 8):
            pages = await self.all_pages(partner, limit=limit, entity_id=entity_id)
            assert [id for page in pages for id in page] == created
            assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)

    async def test_new_users_come_behind(self, partner: Partner) -> None:
        """A user made between two pages is on a later one; one changed does not move."""
        created = [await partner.user() for _ in range(3)]
        page = (await partner.ask("user.list", {"limit": 2})).done
        await partner.ask("user.update", {"user_id": created[0], "title": "Dr"})
        created.append(await partner.user())
        rest = await listed(partner, limit=10, cursor=page["next_cursor"])
        assert rest == created[2:]

    async def test_page_is_cut_to_what_nats_carries(self, deploy: Deploy) -> None:
        """A page ends before the reply is too large for the server; the next goes on from there."""
        partner = Partner(await deploy(nats_config="max_payload: 32768"))
        entity_id = await partner.entity()
        wide = {"city": "ü" * 256, "residency": "\t" + "x\x01" * 128}
        created = await asyncio.gather(*(partner.user(entity_id, **wide) for _ in range(60)))
        pages = await self.all_pages(partner, limit=500)
        assert len(pages) > 1
        assert min(len(page) for page in pages[:-1]) > 5
        assert sorted(id for page in pages for id in page) == sorted(created)

    async def all_pages(self, partner: Partner, **request: object) -> list[list[str]]:
        """The ids on each page."""
        pages, cursor = [], None
        while True:
            page = (await partner.ask("user.list", request | {"cursor": cursor})).done
            pages.append([user["id"] for user in page["users"]])
            cursor = page["next_cursor"]
            if cursor is None:
                return pages


class TestCursors:
    REFUSED = (400, "INVALID_FORMAT", "cursor")

    @pytest.mark.parametrize(
        "cursor", ["", "x", "?" * 40, "A" * 38, "A" * 40, "Ä" * 40, "eHh4" * 9 + "eA=="]
    )
    async def test_made_up(self, partner: Partner, cursor: str) -> None:
        """A cursor that nobody gave out is refused."""
        assert (await partner.ask("user.list", {"cursor": cursor})).refusal == self.REFUSED

    async def test_too_long(self, partner: Partner) -> None:
        """One that is far too long is refused for that."""
        reply = await partner.ask("user.list", {"cursor": "A" * 513})
        assert reply.refusal == (400, "TOO_LONG", "cursor")

    async def test_written_in_another_way(self, partner: Partner) -> None:
        """The same bytes in other letters, the last of which has bits that say nothing."""
        cursor = await self.cursor(partner)
        letters = cursor.rstrip("=")
        altered = letters[:-1] + chr(ord(letters[-1]) + 1) + cursor[len(letters) :]
        assert base64.urlsafe_b64decode(altered) == base64.urlsafe_b64decode(cursor)
        assert (await partner.ask("user.list", {"cursor": altered})).refusal == self.REFUSED

    async def test_altered(self, partner: Partner) -> None:
        """A cursor of which one character is another is refused."""
        cursor = await self.cursor(partner)
        for at in range(0, len(cursor), 3):
            other = "B" if cursor[at] == "A" else "A"
            altered = cursor[:at] + other + cursor[at + 1 :]
            assert (await partner.ask("user.list", {"cursor": altered})).refusal == self.REFUSED

    async def test_of_another_partner(self, partner: Partner) -> None:
        """A cursor is good for the partner that it was given to."""
        cursor = await self.cursor(partner)
        other = Partner(partner.deployment)
        assert (await other.ask("user.list", {"cursor": cursor})).refusal == self.REFUSED
        assert (await partner.ask("user.list", {"cursor": cursor})).done

    async def cursor(self, partner: Partner) -> str:
        await partner.user()
        await partner.user()
        cursor: str = (await partner.ask("user.list", {"limit": 1})).done["next_cursor"]
        return cursor


class TestMasking:
    NUMBERS: ClassVar = {
        "9001015800084": "xxxxxxxxx0084",
        "12345": "x2345",
        "1234": "xxxx",
        "12": "xx",
    }

    async def test_masked(self, partner: Partner) -> None:
        """Without read:sensitive four characters are seen at most, and nobody is written down."""
        for number in self.NUMBERS:
            await partner.user(id_number=number)
        reply = await partner.ask("user.list", {}, partner.token(scopes=MASKED))
        shown = [user["id_number"] for user in reply.done["users"]]
        assert shown == list(self.NUMBERS.values())
        assert await self.access_log(partner) == []

    async def test_unmasked_reads_are_written_down(self, partner: Partner) -> None:
        """With it the whole number is seen, and the access log says who saw whose, and when."""
        people = [await partner.user(id_number=number) for number in self.NUMBERS]
        reply = await partner.ask("user.list", {"limit": 3}, x_request_id="looked")
        assert [u["id_number"] for u in reply.done["users"]] == list(self.NUMBERS)[:3]
        [line] = await self.access_log(partner)
        assert line["person_ids"] == people[:3]
        assert (line["actor"], line["request_id"]) == ("tests", "looked")
        assert line["operation"] == "user.list"
        assert abs((datetime.now(UTC) - line["at"]).total_seconds()) < 60

    async def test_number_is_not_kept_in_the_open(self, partner: Partner) -> None:
        """What MongoDB holds has the number nowhere, nor have events."""
        user_id = await partner.user(id_number="9001015800084")
        await partner.ask("user.update", {"user_id": user_id, "id_number": "8001015800099"})
        events = await partner.events(user_id, 2)
        kept = await partner.deployment.database["users"].find_one({"_id": user_id})
        log = partner.deployment.database["events"]

        async def settled() -> list[Any] | None:
            logged = await log.find({"aggregate_id": user_id}).to_list()
            return logged if len(logged) == 2 else None

        logged = await eventually(settled)
        for whole in (repr(kept), repr(events), repr(logged)):
            assert "0099" in whole
            assert "9001015800084" not in whole
            assert "8001015800099" not in whole

    async def access_log(self, partner: Partner) -> list[dict[str, Any]]:
        log = partner.deployment.database["access_log"]
        return await log.find({"partner": partner.name}, sort=[("_id", 1)]).to_list()


async def test_own_token_lists_its_user(partner: Partner) -> None:
    """A user's own token finds that user alone, masked, whatever it filters by and carries."""
    entity_id = await partner.entity()
    user_id = await partner.user(entity_id, id_number="9001015800084")
    await partner.user(entity_id)
    token = partner.user_token(user_id)
    for request in ({}, {"entity_id": entity_id}, {"active": True}, {"limit": 1}):
        page = (await partner.ask("user.list", request, token)).done
        assert [user["id"] for user in page["users"]] == [user_id]
        assert page["users"][0]["id_number"] == "xxxxxxxxx0084"
        assert page["next_cursor"] is None
    elsewhere = await partner.ask("user.list", {"email": "other@example.com"}, token)
    assert elsewhere.done["users"] == []
    stranger = await Partner(partner.deployment).user()
    assert (await partner.ask("user.list", {}, partner.user_token(stranger))).done["users"] == []


async def test_cursor_does_not_widen_own_list(partner: Partner) -> None:
    """A cursor of somebody's longer list shows a user's own token nobody else."""
    people = [await partner.user() for _ in range(3)]
    cursor = (await partner.ask("user.list", {"limit": 1})).done["next_cursor"]
    token = partner.user_token(people[2])
    page = (await partner.ask("user.list", {"cursor": cursor}, token)).done
    assert [user["id"] for user in page["users"]] == [people[2]]


async def test_entity_in_upper_case(partner: Partner) -> None:
    """The canonical form of a UUID is the only one."""
    request = new_user(await partner.entity())
    reply = await partner.ask("user.list", {"entity_id": request["entity_id"].upper()})
    assert reply.refusal == (400, "INVALID_FORMAT", "entity_id")
