"""What workers say of a whole run: a line for everything, each plain text, and nobody's data.

Two workers as processes, one with each form of log, at their most talkative. They are asked for
everything that there is, rightly and wrongly, with values in it that occur nowhere else; at the end
their logs are searched for each of these values.
"""

import itertools
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.app import OPERATIONS
from service.auth.scopes import ALL_SCOPES
from service.catalogue.fields import example_of
from service.operation import Operation
from service.storage.mongo import Mongo
from service.tokens.clients import Clients
from tests.auth.test_tokens import claims_of, raw_token
from tests.bus.raw import RawClient, block
from tests.client import BY_TITLE, Partner, new_user
from tests.clients import Client, signing_up
from tests.deployment import Deployment
from tests.faults.workers import WorkerProcess
from tests.hostile.bodies import objects_in, replaced, strings_in, whole_body, with_key
from tests.hostile.world import World
from tests.identity.people import new_consumer, new_contact, new_dependent, new_signer

BIRTHDAY = "1931-07-19"


@dataclass
class Marks:
    """Values that occur nowhere else; each is remembered, to be searched for."""

    all: set[str] = field(default_factory=lambda: {BIRTHDAY})
    _count: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def text(self) -> str:
        """A text that nothing else has in it."""
        return self.known("mark" + "".join(secrets.choice("bcdfghkmnpqrtvwz") for _ in range(12)))

    def number(self, digits: int = 9) -> str:
        """A number that nothing else has in it, as likely as not."""
        return self.known(f"7{secrets.randbelow(10 ** (digits - 1)):0{digits - 1}}")

    def ssn(self) -> str:
        """A social security number."""
        return self.known(f"53{secrets.randbelow(10) or 1}{50 + next(self._count) % 49}7391")

    def email(self) -> str:
        """An address of which neither half is anywhere else."""
        return f"{self.text()}@{self.text()}.example.com"

    def known(self, text: str) -> str:
        """Remember a value that another has made."""
        self.all.add(text)
        return text

    def everywhere(self, body: Any) -> Any:
        """The body with a mark for each of its strings, whether it may stand there or not."""
        for path in list(strings_in(body)):
            body = replaced(body, path, self.text())
        return body

    def where_fitting(self, body: Any, ids: dict[str, str]) -> Any:
        """The body about things that there are, with a mark for each free text and address."""
        for path in list(strings_in(body)):
            value = body
            for part in path:
                value = value[part]
            name = str(path[-1])
            if name in ids:
                body = replaced(body, path, ids[name])
            elif "@" in value:
                body = replaced(body, path, self.email())
            elif value.strip("x") == "" or name in {"first_name", "last_name", "city", "title"}:
                body = replaced(body, path, self.text())
        return body

    def user(self, entity_id: str) -> dict[str, Any]:
        """A request for a user that is marked all over."""
        names = ("first_name", "last_name", "gender", "city", "residency", "title", "permit_number")
        address = dict.fromkeys(("firstLine", "postCode", "city", "state", "occupation"), "")
        marked = {name: self.text() for name in (*names, "occupation")}
        return new_user(
            entity_id,
            **marked,
            email=self.email(),
            phone_number="+" + self.number(14),
            id_number=self.number(13),
            date_of_birth=BIRTHDAY,
            avatar=f"https://example.com/{self.text()}.png",
            address={name: self.text() for name in address} | {"countryCode": "ZA"},
        )

    def people(self, business_id: str, consumer_id: str) -> list[tuple[str, dict[str, Any]]]:
        """Requests for a person of each kind, marked all over."""
        protected = {"date_of_birth": BIRTHDAY}
        bodies = [
            ("identity.create_consumer", new_consumer(business_id)),
            ("identity.create_dependent", new_dependent(consumer_id)),
            ("identity.create_authorized_signer", new_signer(consumer_id)),
            ("identity.create_business_contact", new_contact(business_id)),
        ]
        return [(title, self._person(body, protected)) for title, body in bodies]

    def _person(self, body: Any, protected: dict[str, Any]) -> Any:
        short = {"country_code", "area_code", "extension", "zip_code", "state"}
        fixed = {"gender", "marital_status", "relationship", "status", "type", "country"}
        fixed |= {"account_access", "citizenship", "employment_status", "identification_type"}
        for path in list(strings_in(body)):
            name = str(path[-1])
            if name.endswith(("_id", "_date", "_of_hire", "_of_birth")) or name in short | fixed:
                continue
            value = {"number": self.number, "social_security_number": self.ssn}.get(name, self.text)
            address = "email" in name or name == "address"
            body = replaced(body, path, self.email() if address else value())
        if body.get("protected_personal_data"):
            return body | {"protected_personal_data": body["protected_personal_data"] | protected}
        return body


@dataclass
class Run:
    """The workers, and whoever asks them."""

    partner: Partner
    raw: RawClient
    marks: Marks
    workers: dict[str, WorkerProcess]
    client: Client
    world: World

    async def send(self, title: str, body: Any, *lines: bytes, token: str | None = None) -> int:
        """Ask for whatever comes of it, a defect too; the status."""
        said = token or self.partner.all_rights
        reply = await self.partner.deployment.nats.request(
            self.partner.subject(title),
            body if isinstance(body, bytes) else orjson.dumps(body),
            headers={"Authorization": f"Bearer {said}"},
            timeout=10,
        )
        return int((reply.headers or {}).get("Nats-Service-Error-Code", 200))

    async def stop(self) -> str:
        """Stop the workers, and give all that they have said."""
        for worker in self.workers.values():
            assert await worker.stop() == 0
        return "".join(worker.log.read_text() for worker in self.workers.values())


@pytest.fixture
async def run(nats_url: str, mongo_uri: str, tmp_path: Path) -> AsyncIterator[Run]:
    """Two workers that log all they can, in JSON and in text."""
    database = f"test_{uuid4().hex}"
    deployment = Deployment(tmp_path, nats_url, mongo_uri, database)
    settings = {
        "SVC_USER_NATS_URL": nats_url,
        "SVC_USER_MONGO_URI": mongo_uri,
        "SVC_USER_MONGO_DATABASE": database,
        "SVC_USER_KEYS_DIR": str(tmp_path),
        "SVC_USER_LOG_LEVEL": "debug",
        "SVC_USER_LOG_QUERIES": "true",
        "SVC_USER_EXISTS_RATE": "0",
    }
    workers = {
        form: WorkerProcess(tmp_path / form, settings | {"SVC_USER_LOG_FORMAT": form})
        for form in ("json", "text")
    }
    for worker in workers.values():
        await worker.start()
    deployment.nats = await nats.connect(nats_url)
    mongo, partner, marks = Mongo(mongo_uri, database), Partner(deployment), Marks()
    added = await Clients(mongo).add(
        partner.name, marks.text(), ALL_SCOPES, None, datetime.now(UTC)
    )
    client = Client(partner, *added)
    marks.known(client.secret)
    raw = await RawClient.connect(nats_url)
    yield Run(partner, raw, marks, workers, client, await World.of(partner))
    await raw.close()
    for worker in workers.values():
        worker.kill()
    await deployment.stop()
    await mongo.close()


async def test_nothing_of_it_is_in_a_log(run: Run) -> None:
    """No value of anybody, right or wrong, no secret and no token, in whatever was said."""
    await good_requests(run)
    await tokens(run)
    for operation in OPERATIONS:
        await bad_requests(run, operation)
    await bad_frames(run)
    await defects(run)
    said = await run.stop()
    for title in BY_TITLE:
        assert f'"operation":"{title}"' in said or f"operation={title} " in said, title
    assert '"event":"defect"' in said or "defect" in said
    assert "SealBroken" in said
    assert all(line.isprintable() for line in said.split("\n"))
    for line in run.workers["json"].log.read_text().splitlines():
        assert json.loads(line)["event"]
    lowered = said.lower()
    found = {mark for mark in run.marks.all if mark.lower() in lowered}
    assert len(run.marks.all) > 1_000
    assert found == set()


async def good_requests(run: Run) -> None:
    """All sorts of people are made, changed, found and listed."""
    partner, marks, world = run.partner, run.marks, run.world
    body = marks.user(world.business_id)
    user = {"user_id": (await partner.ask("user.create", body)).done["userId"]}
    assert (await partner.ask("user.create", body)).refusal[:2] == (409, "NOT_UNIQUE")
    for fields in (marks.user(""), {"email": body["email"].upper()}):
        known = fields.keys() - {"entity_id", "verified", "country", "city"}
        update = user | {name: fields[name] for name in known}
        assert (await partner.ask("user.update", update)).done
    contact = user | {"email": marks.email()}
    assert (await partner.ask("user.set_contact_email", contact)).done
    code = (await partner.ask("user.send_confirmation", user)).done["confirmation_code"]
    confirm = user | {"confirmation_code": marks.known(code)}
    assert (await partner.ask("user.confirm", confirm)).done
    for query in ({"email": body["email"]}, {"phone_number": body["phone_number"]}):
        assert (await partner.ask("user.list", query)).done
    assert (await partner.ask("user.exists", {"email": body["email"]})).done
    assert (await partner.ask("user.deactivate", user | {"reason": marks.text()})).done
    for title, request in marks.people(world.business_id, world.consumer_id):
        made = (await partner.ask(title, request)).done
        key, id = next((k, v) for k, v in made.items() if k.endswith("_id") and k in _KEYS)
        names = {"first_name": marks.text(), "last_name": marks.text(), key: id}
        assert (await partner.ask(title.replace("create", "update"), names)).done
    for ssn in (marks.ssn(), next(each for each in marks.all if each.endswith("7391"))):
        assert (await partner.ask("identity.find_by_ssn", {"ssn": ssn})).done
    evidence = {
        **{name: marks.text() for name in ("account_holder", "routing_number", "account_type")},
        "account_number": marks.number(12),
    }
    submit = {"person_id": world.consumer_id, "kind": "BANK_ACCOUNT", "evidence": evidence}
    token = partner.token(subject="submitter")
    submitted = (await partner.ask("verification.submit", submit, token)).done
    decision = {"decision": "REJECTED", "reason": marks.text()}
    decision["verification_id"] = submitted["verification_id"]
    assert (await partner.ask("verification.decide", decision)).done


_KEYS = {"consumer_id", "dependent_id", "authorized_signer_id", "business_contact_id"}


async def tokens(run: Run) -> None:
    """A user signs up, exchanges the code, refreshes, revokes; and fails at each."""
    partner, marks, client = run.partner, run.marks, run.client
    request = signing_up(email=marks.email())
    marks.known(request["registrationCode"])
    signed_up = await partner.ask("user.signup", request)
    assert signed_up.done
    sent = {"email": request["email"], "registration_code": request["registrationCode"]}
    issued = (await client.issue("registration_code", **sent)).done
    again = (await client.refresh(issued["refresh_token"])).done
    for tokens in (issued, again):
        for name in ("access_token", "refresh_token"):
            marks.known(tokens[name])
            marks.known(tokens[name][-24:])
    assert (await client.refresh(issued["refresh_token"])).refusal[0] == 401
    wrong = {"email": marks.email(), "registration_code": marks.text() + marks.text()}
    assert (await client.issue("registration_code", **wrong)).refusal[0] == 401
    assert (await client.revoke(marks.text())).done is not None
    assert (await Client(partner, client.id, marks.text()).issue()).refusal[0] == 401
    marks.known(partner.all_rights[-40:])


async def bad_requests(run: Run, operation: Operation) -> None:
    """What is wrong, in every way that a body can be, with a mark in each place."""
    marks, title = run.marks, operation.title
    whole = whole_body(operation)
    least = marks.where_fitting(example_of(operation.request.model_json_schema()), run.world.ids)
    bodies: list[Any] = [
        least,
        marks.everywhere(whole),
        marks.where_fitting(whole, run.world.ids),
        [marks.text()],
        *(with_key(whole, path, marks.text(), marks.text()) for path in objects_in(whole)),
        orjson.dumps({marks.text(): marks.text()})[:-1],
        b'{"\xff' + marks.text().encode() + b'":"' + marks.text().encode(),
    ]
    user = run.partner.user_token(run.world.user_id)
    for body in bodies:
        for token in (run.partner.all_rights, user):
            assert await run.send(title, body, token=token) < 500
    stranger = claims_of(run.partner) | {"sub": marks.text(), "email": marks.email()}
    forged = raw_token({"kid": marks.text()}, stranger, Ed25519PrivateKey.generate())
    await run.send(title, whole, token=forged)


async def bad_frames(run: Run) -> None:
    """Marks, line ends and commands to a terminal, where a client library lets nobody put them."""
    marks, raw = run.marks, run.raw
    token = b"token: " + run.partner.all_rights.encode()
    evil = b"\x1b[31m\r\x07\n{} \xff\xc2\x9b0m\xe2\x80\xae"
    names = (
        b"X-Request-Id",
        b"Idempotency-Key",
        b"If-Match",
        b"traceparent",
        b"tracestate",
        b"token",
    )
    for name in (*names, b"Authorization", b"\x1b[0m"):
        value = evil.replace(b"{}", marks.text().encode())
        for title in ("user.update", "entity.create", "user.list"):
            head = block(token, name + b": " + value)
            await raw.request(BY_TITLE[title], run.partner.name.encode(), b"{}", head)
    for partner in (b"\x1b[31m{}", b"\r{}\x07", b"{}\xff", b"*{}", "\u202e{}".encode()):
        text = partner.replace(b"{}", marks.text().encode())
        subject = text.translate(None, b"\r\n")
        assert (await raw.request(BY_TITLE["user.get"], subject, b"{}", block(token))).status == 400
        subject = run.partner.subject("user.list").encode()
        raw.publish(subject, b"{}", block(token), b"evt." + text.translate(None, b"\r\n"))
        raw.publish(subject, marks.text().encode(), text, b"_INBOX.x")
    await raw.flush()


async def defects(run: Run) -> None:
    """Records that cannot be: the errors that they bring about may quote what is in them."""
    users = run.partner.deployment.database["users"]
    for broken in ({"id_number": run.marks.text().encode()}, {"created_at": run.marks.text()}):
        user_id = await run.partner.user(run.world.business_id)
        await users.update_one({"_id": user_id}, {"$set": broken})
        for title in ("user.list", "user.get", "user.update"):
            body = {"user_id": user_id, "title": run.marks.text()}
            await run.send(title, body if title == "user.update" else {"user_id": user_id})
    assert await run.send("user.list", {"limit": 500}) == 500
