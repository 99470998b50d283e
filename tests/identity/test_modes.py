"""How much of a number is shown, what is read for it, and that unmasked reads are written down."""

from typing import Any

import pytest

from service.auth.scopes import ALL_SCOPES, Scope
from service.identity.roles import CONSUMER
from service.storage.sealing import Sealer
from tests.client import Partner
from tests.identity.people import BLOCKS, consumer, dependent, protected, signer
from tests.identity.profile import profiled

NUMBER, DOCUMENT = "555441234", "AB1234567"
IDENTIFICATION = {"identification_type": "PASSPORT", "identification_number": DOCUMENT}
SHOWN = {
    "MASKED": ("xxx-xx-1234", "xxxxx4567"),
    "LAST4": ("1234", "4567"),
    "UNMASKED": (NUMBER, DOCUMENT),
}
READS = ("get_consumer", "household", "list_dependents", "list_authorized_signers")
ALWAYS = {
    "_id",
    "partner",
    "domain",
    "version",
    "erased_at",
    "role",
    "business_id",
    "created_at",
    "updated_at",
}


async def access_log(partner: Partner) -> list[dict[str, Any]]:
    """The partner's lines in the log of unmasked reads, oldest first."""
    query = {"partner": partner.name}
    return await partner.deployment.database["access_log"].find(query).sort("_id", 1).to_list()


@pytest.mark.parametrize("mode", list(SHOWN))
async def test_the_table_of_seed_000(partner: Partner, mode: str) -> None:
    """A number is shown as the mode says; without a mode it is masked."""
    id = await consumer(
        partner, protected_personal_data=protected(NUMBER), identification=IDENTIFICATION
    )
    body = {"consumer_id": id, "expand": "PROTECTED_PERSONAL_DATA,IDENTIFICATION"}
    shown = (await partner.ask("identity.get_consumer", body | {"ssn_mode": mode})).done
    ssn, document = SHOWN[mode]
    assert shown["protected_personal_data"]["social_security_number"] == ssn
    assert shown["identification"]["identification_number"] == document
    default = (await partner.ask("identity.get_consumer", body)).done
    assert default["protected_personal_data"]["social_security_number"] == SHOWN["MASKED"][0]


@pytest.mark.parametrize("number", ["AB", "ABC1"])
async def test_too_short_to_hide_behind_its_end(partner: Partner, number: str) -> None:
    """A document's number of four characters is shown in full only where it is unmasked."""
    document = IDENTIFICATION | {"identification_number": number}
    id = await consumer(partner, identification=document)
    for mode, shown in (("MASKED", None), ("LAST4", None), ("UNMASKED", number)):
        body = {"consumer_id": id, "expand": "IDENTIFICATION", "ssn_mode": mode}
        found = (await partner.ask("identity.get_consumer", body)).done["identification"]
        assert found["identification_number"] == (shown or "x" * len(number))


@pytest.mark.parametrize("title", READS)
async def test_unmasked_takes_a_scope_of_its_own(partner: Partner, title: str) -> None:
    """Without `read:sensitive` it is refused, whoever is asked for and whatever is expanded."""
    token = partner.token(scopes=ALL_SCOPES - {Scope.READ_SENSITIVE})
    body = {"consumer_id": await consumer(partner), "ssn_mode": "UNMASKED"}
    reply = await partner.ask(f"identity.{title}", body, token)
    assert reply.refusal == (403, "UNMASKED_NOT_PERMITTED", "ssn_mode")
    for mode in ("MASKED", "LAST4"):
        body |= {"ssn_mode": mode, "expand": "PROTECTED_PERSONAL_DATA"}
        assert (await partner.ask(f"identity.{title}", body, token)).status == 200
    reply = await partner.ask(f"identity.{title}", body | {"ssn_mode": "ALL"}, token)
    assert reply.refusal == (400, "NOT_ALLOWED_VALUE", "ssn_mode")
    assert await access_log(partner) == []


async def test_unmasked_reads_are_written_down(partner: Partner) -> None:
    """Who read whom, when and under which request: one line, also for a hundred in a list."""
    id = await consumer(partner)
    people = [await dependent(partner, id) for _ in range(99)]
    people.append(await dependent(partner, id))
    nobodys = await dependent(partner, await consumer(partner))
    await signer(partner, id, protected_personal_data=None)
    body = {"consumer_id": id, "expand": "PROTECTED_PERSONAL_DATA", "ssn_mode": "UNMASKED"}
    auditor = partner.token(subject="auditor")
    for number, title in enumerate(READS):
        reply = await partner.ask(f"identity.{title}", body, auditor, x_request_id=f"read-{number}")
        assert reply.status == 200
    lines = await access_log(partner)
    expected = {
        "identity.get_consumer": {id},
        "identity.household": {id, *people},
        "identity.list_dependents": set(people),
    }
    assert {line["operation"]: set(line["person_ids"]) for line in lines} == expected
    assert [line["request_id"] for line in lines] == ["read-0", "read-1", "read-2"]
    assert {line["actor"] for line in lines} == {"auditor"}
    assert nobodys not in str(lines)
    event = (await partner.events(id, 1))[0]
    assert all(line["at"].isoformat() > event["time"][:19] for line in lines)


async def test_nothing_unmasked_is_nothing_to_write_down(partner: Partner) -> None:
    """A mode without a number to show in it leaves no line."""
    id = await consumer(partner)
    for title in READS:
        for expand in ([], ["ADDRESSES"]):
            if not (expand and title == "list_dependents"):
                body = {"consumer_id": id, "expand": expand, "ssn_mode": "UNMASKED"}
                assert (await partner.ask(f"identity.{title}", body)).status == 200
    assert await access_log(partner) == []


class TestWhatIsRead:
    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The fields whose sealed values were opened."""
        places: list[str] = []
        open_as_ever = Sealer.open

        def spy(self: Sealer, sealed: bytes, place: str) -> bytes:
            places.append(place.rpartition("/")[2])
            return open_as_ever(self, sealed, place)

        monkeypatch.setattr(Sealer, "open", spy)
        return places

    @pytest.mark.parametrize("asked", [[], *([name] for name in BLOCKS), list(BLOCKS)])
    @pytest.mark.parametrize("mode", list(SHOWN))
    async def test_only_what_is_shown(
        self, partner: Partner, opened: list[str], asked: list[str], mode: str
    ) -> None:
        """The database is asked for the blocks that are shown, and a number for UNMASKED alone."""
        id = await consumer(partner)
        opened.clear()
        body = {"consumer_id": id, "expand": asked, "ssn_mode": mode}
        async with profiled(partner.deployment) as commands:
            assert (await partner.ask("identity.get_consumer", body)).status == 200
        sealed = {
            "PROTECTED_PERSONAL_DATA": "social_security_number",
            "IDENTIFICATION": "identification_number",
        }
        numbers = [sealed[name] for name in asked if name in sealed and mode == "UNMASKED"]
        [command] = commands
        projected = set(command["command"]["projection"]) | {"_id"}
        blocks = {BLOCKS[name] for name in asked}
        assert projected == ALWAYS | set(CONSUMER.plain) | blocks | set(numbers)
        assert sorted(opened) == sorted(numbers)

    async def test_lists_and_households(self, partner: Partner, opened: list[str]) -> None:
        """A list reads no block, a household those of its members that are asked for."""
        id = await consumer(partner)
        await dependent(partner, id)
        await signer(partner, id)
        opened.clear()
        async with profiled(partner.deployment) as commands:
            await partner.ask("identity.list_consumers", {})
            await partner.ask("identity.household", {"consumer_id": id})
        assert len(commands) == 3
        for command in commands:
            projected = set(command["command"]["projection"])
            assert not projected & {*BLOCKS.values(), "address", "phone"}
            assert "social_security_number" not in projected
        assert opened == []
