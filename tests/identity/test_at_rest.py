"""Numbers at rest: in no file of the database, of the stream, or of the logs."""

import asyncio
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from service.auth.scopes import ALL_SCOPES, Scope
from service.storage.sealing import DataKeys, SealBroken, Sealer, place
from tests.client import Partner
from tests.deployment import Deployment
from tests.faults.workers import WorkerProcess
from tests.identity.people import consumer, new_consumer, new_dependent, new_signer, protected
from tests.servers import PrivateServers

UNCOMPRESSED = (
    *("--wiredTigerCollectionBlockCompressor", "none"),
    *("--wiredTigerJournalCompressor", "none"),
)
_NUMBER = re.compile(rb"582-?79-?\d{4,}")
_WORD = re.compile(rb"[0-9A-Za-z-]")


def number(length: int, n: int) -> str:
    """A number of so many digits that the search below finds."""
    return f"58279{n:0{length - 5}}"


def found_in(folder: Path) -> dict[str, set[str]]:
    """All such numbers in the files of a folder, by the part of the path below it."""
    found = defaultdict(set)
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        data = path.read_bytes()
        for match in _NUMBER.finditer(data):
            # A run of digits in an id or a hash is no number: those stand between other letters.
            around = data[match.start() - 1 : match.start()], data[match.end() : match.end() + 1]
            if not any(_WORD.match(beside) for beside in around):
                part = path.relative_to(folder).parts[0]
                found[part].add(match[0].decode().replace("-", ""))
    return found


async def test_a_run_of_a_thousand_people(
    tmp_path: Path, private_servers: PrivateServers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """None of their numbers is in a file, where a plain value of the same form is found."""
    nats, mongo = await private_servers.nats(), await private_servers.mongo(arguments=UNCOMPRESSED)
    keys = tmp_path_factory.mktemp("keys")
    deployment = Deployment(keys, nats.url, mongo.url, "svc_user")
    await deployment.start(0)
    worker = WorkerProcess(
        tmp_path / "worker",
        {
            "SVC_USER_NATS_URL": nats.url,
            "SVC_USER_MONGO_URI": mongo.url,
            "SVC_USER_KEYS_DIR": str(keys),
            "SVC_USER_LOG_LEVEL": "debug",
            "SVC_USER_LOG_QUERIES": "true",
        },
    )
    await worker.start()
    partner = Partner(deployment)
    secrets, plain = await _a_thousand_people(partner)
    # Events are told when the documents that they were in are empty of them.
    await partner.events(await consumer(partner), 1)
    await worker.stop()
    await deployment.nats.close()
    await nats.stop()
    await mongo.stop()
    found = await asyncio.to_thread(found_in, tmp_path)
    databases = ("server-1", "server-2")
    assert set(found) == set(databases), "the plain values are in both, and not in the log"
    for server in databases:
        assert plain <= found[server]
    assert not secrets & set().union(*found.values())


async def _a_thousand_people(partner: Partner) -> tuple[set[str], set[str]]:
    """Create, change, find and show a thousand people; their numbers, and some plain values."""
    business_id = await partner.entity()
    anchor = await consumer(partner, business_id)
    plain = {number(14, n) for n in range(400)}
    secrets: set[str] = set()

    def secret(length: int, n: int) -> str:
        secrets.add(number(length, n))
        return number(length, n)

    async def one(n: int) -> None:
        data = protected(secret(9, n + 1))
        document = {"identification_number": secret(11, n)}
        if n < 400:
            employment = {"employee_number": number(14, n)}
            body = new_consumer(
                business_id,
                protected_personal_data=data,
                identification=document,
                employment=employment,
            )
            title = "identity.create_consumer"
        elif n < 600:
            title = "identity.create_dependent"
            body = new_dependent(anchors[n % len(anchors)], protected_personal_data=data)
        elif n < 800:
            title = "identity.create_authorized_signer"
            body = new_signer(anchors[n % len(anchors)], protected_personal_data=data)
        else:
            user = {"id_number": secret(12, n), "permit_number": secret(13, n)}
            id = await partner.user(business_id, **user)
            account = {
                "account_holder": "A",
                "account_number": secret(15, n),
                "routing_number": "091300010",
                "account_type": "CHECKING",
            }
            title = "verification.submit"
            body = {"person_id": id, "kind": "BANK_ACCOUNT", "evidence": account}
            identity = {"document_number": secret(16, n)}
            proof: dict[str, Any] = {"person_id": id, "kind": "IDENTITY", "evidence": identity}
            assert (await partner.ask(title, proof, idempotency_key=f"proof-{n}")).status == 200
        reply = await partner.ask(title, body, idempotency_key=f"{n}")
        assert reply.status == 200, reply
        # And what a caller does wrong, with the numbers in it.
        await partner.ask(title, body | {"unknown": number(9, n + 1)})
        await partner.ask("identity.find_by_ssn", {"ssn": number(9, n + 1)})

    anchors = [anchor, *[await consumer(partner, business_id) for _ in range(5)]]
    for first in range(0, 1000, 100):
        await asyncio.gather(*(one(n) for n in range(first, first + 100)))
    body = {"consumer_id": anchor, "expand": "PROTECTED_PERSONAL_DATA", "ssn_mode": "UNMASKED"}
    household = (await partner.ask("identity.household", body)).done
    shown = {
        each["protected_personal_data"]["social_security_number"]
        for each in household["dependents"]
    }
    assert shown <= secrets
    assert shown
    return secrets, plain


async def test_a_ciphertext_of_another_record_does_not_open(partner: Partner) -> None:
    """Moved to another person, or to another field, it is a defect, and nothing is shown."""
    numbers = ["555441234", "555441235"]
    ids = [await consumer(partner, protected_personal_data=protected(each)) for each in numbers]
    persons = partner.deployment.database["persons"]
    document = await persons.find_one({"_id": ids[0]})
    assert document is not None
    sealed = document["social_security_number"]
    moves = (("PROTECTED_PERSONAL_DATA", "social_security_number", ids[1]),
             ("IDENTIFICATION", "identification_number", ids[0]))  # fmt: skip
    for block, field, id in moves:
        await persons.update_one({"_id": id}, {"$set": {field: sealed}})
        body = {"consumer_id": id, "expand": block, "ssn_mode": "UNMASKED"}
        message = await partner.deployment.nats.request(
            partner.subject("identity.get_consumer"),
            str(body).replace("'", '"').encode(),
            headers={"Authorization": f"Bearer {partner.all_rights}"},
        )
        assert message.headers is not None
        assert message.headers["Nats-Service-Error-Code"] == "500"
        assert not any(each.encode() in message.data for each in numbers)


def test_bound_to_collection_document_and_field() -> None:
    """A value opens where it was sealed, and with one bit changed nowhere."""
    sealer = Sealer(DataKeys.generate())
    there = place("persons", "1", "social_security_number")
    sealed = sealer.seal(b"555441234", there)
    assert sealer.open(sealed, there) == b"555441234"
    for elsewhere in (
        place("users", "1", "social_security_number"),
        place("persons", "2", "social_security_number"),
        place("persons", "1", "identification_number"),
    ):
        with pytest.raises(SealBroken):
            sealer.open(sealed, elsewhere)
    for at in range(len(sealed)):
        altered = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(SealBroken):
            sealer.open(altered, there)
    with pytest.raises(SealBroken):
        Sealer(DataKeys.generate()).open(sealed, there)


async def test_permit_numbers_are_shown_as_the_seed_shows_them(partner: Partner) -> None:
    """In the clear in a list, also without `read:sensitive`; masked in events, sealed at rest."""
    id = await partner.user(permit_number="permit-5551234")
    token = partner.token(scopes=ALL_SCOPES - {Scope.READ_SENSITIVE})
    [user] = (await partner.ask("user.list", {}, token)).done["users"]
    assert user["permit_number"] == "permit-5551234"
    [event] = await partner.events(id, 1)
    assert event["data"]["user"]["permit_number"] == "xxxxxxxxxx1234"
    change = {"user_id": id, "permit_number": "permit-5551235"}
    assert (await partner.ask("user.update", change)).status == 200
    assert (await partner.record(id))["permit_number"] == "permit-5551235"
    assert (await partner.events(id, 2))[1]["data"]["changed"] == ["permit_number"]
    document = await partner.deployment.database["users"].find_one({"_id": id})
    assert "permit-555" not in str(document)
