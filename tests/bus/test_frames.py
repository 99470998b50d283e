"""Frames and reply subjects that no client library would send."""

import re
from uuid import uuid4

import orjson
import pytest
from nats.aio.client import Client

from service.resources import STREAM
from tests.bus.raw import RawClient, block
from tests.client import BY_TITLE, Partner, new_user
from tests.deployment import Deployment
from tests.eventually import eventually

HEADERS = block()
FRAMES = {
    "subject not UTF-8": (b"svc.user.\xff\xfe.get", b"", HEADERS),
    "subject with VT": (b"svc.user.a\x0bb.get", b"", HEADERS),
    "subject with FF": (b"svc.user.a\x0cb.get", b"", HEADERS),
    "subject with NUL": (b"svc.user.a\x00b.get", b"", HEADERS),
    "subject of line separators": ("svc.user.\u2028\x85.get".encode(), b"", HEADERS),
    "reply not UTF-8": (b"svc.user.acme.get", b"_INBOX.\xff\xfe", HEADERS),
    "reply with VT": (b"svc.user.acme.get", b"_INBOX.a\x0bb", HEADERS),
    "status not UTF-8": (b"svc.user.acme.get", b"_INBOX.a", b"NATS/1.0 \xff\xff\xff\r\n\r\n"),
    "status of an error": (b"svc.user.acme.get", b"_INBOX.a", b"NATS/1.0 503\r\n\r\n"),
    "header of 1 byte": (b"svc.user.acme.get", b"_INBOX.a", b"N"),
    "header of 8 bytes": (b"svc.user.acme.get", b"_INBOX.a", b"NATS/1.0"),
    "header of 10 bytes": (b"svc.user.acme.get", b"_INBOX.a", b"NATS/1.0\r\n"),
    "header without colon": (b"svc.user.acme.get", b"_INBOX.a", block(b"Authorization")),
    "header not UTF-8": (b"svc.user.acme.get", b"_INBOX.a", block(b"\xff\xfe: \xff\xfe")),
    "partner is a star": (b"svc.user.*.get", b"_INBOX.a", HEADERS),
    "partner is the rest": (b"svc.user.>.get", b"_INBOX.a", HEADERS),
    "discovery, not UTF-8": (b"$SRV.PING", b"\xff\xfe", HEADERS),
    "discovery, header of 1 byte": (b"$SRV.PING", b"_INBOX.a", b"N"),
    "the worker's inbox, not for it": (b"_INBOX.nobody.\xff", b"", HEADERS),
}
SECRET_PLACES = (
    b"evt.x",
    b"evt.user.acme.018f0000-0000-7000-8000-000000000000.created",
    b"$JS.API.STREAM.PURGE." + STREAM.encode(),
    b"$JS.ACK.x",
    b"$SRV.PING",
    b"svc.user.acme.create",
)


@pytest.mark.parametrize("name", FRAMES)
async def test_worker_goes_on_serving(
    raw: RawClient, partner: Partner, deployment: Deployment, name: str
) -> None:
    """After the frame the same connection of the worker serves on, and its reader still reads."""
    subject, reply, headers = FRAMES[name]
    for _ in range(3):
        raw.publish(subject, b"{}", headers, reply)
    await raw.flush()
    assert (await partner.ask("user.list", {})).done
    assert not deployment.worker.connection.is_deaf
    assert deployment.worker.connection.stats["reconnects"] == 0
    assert raw.complaints == []


async def test_wildcard_partner_is_not_everybody(raw: RawClient, partner: Partner) -> None:
    """A literal wildcard in the partner's place, with a good token, is an invalid subject."""
    headers = block(b"token: " + partner.all_rights.encode())
    for literal in (b"*", b">"):
        reply = await raw.request(BY_TITLE["user.list"], literal, b"{}", headers)
        assert reply.refusal == (400, "INVALID_SUBJECT", None)


class TestReplySubjects:
    @pytest.mark.parametrize("reply", SECRET_PLACES)
    @pytest.mark.parametrize("title", ["user.list", "user.get", "$SRV.INFO"])
    async def test_not_answered(
        self, raw: RawClient, partner: Partner, reply: bytes, title: str
    ) -> None:
        """An answer to a place that is not the caller's goes nowhere, nor into the stream."""
        raw.subscribe(reply)
        before = await self.last_sequence(partner.deployment.nats)
        operation = BY_TITLE.get(title)
        subject = partner.subject(title).encode() if operation else title.encode()
        raw.publish(subject, b"{}", block(b"token: " + partner.all_rights.encode()), reply)
        await self.all_is_said(raw, partner)
        assert [message for message in raw.heard if message.subject == reply] == []
        assert await self.last_sequence(partner.deployment.nats) == before

    async def test_a_place_of_the_callers_is(self, raw: RawClient, partner: Partner) -> None:
        """The same with any other reply subject is answered there."""
        reply = f"somewhere.{uuid4().hex}".encode()
        raw.subscribe(reply)
        headers = block(b"token: " + partner.all_rights.encode())
        raw.publish(partner.subject("user.list").encode(), b"{}", headers, reply)
        await self.all_is_said(raw, partner)
        [message] = [message for message in raw.heard if message.subject == reply]
        assert orjson.loads(message.data) == {"users": [], "next_cursor": None}

    @pytest.mark.parametrize("title", ["user.list", "$SRV.INFO"])
    async def test_refused_place_is_logged(
        self, raw: RawClient, partner: Partner, title: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """That a reply subject was refused can be read in the log."""
        headers = block(b"token: " + partner.all_rights.encode())
        subject = partner.subject(title) if title in BY_TITLE else title
        raw.publish(subject.encode(), b"{}", headers, b"evt.x")
        await self.all_is_said(raw, partner)
        told = rf"reply_subject_refused.*{re.escape(title)}"
        assert re.search(told, capsys.readouterr().out)

    async def all_is_said(self, raw: RawClient, partner: Partner) -> None:
        """Return once the worker has answered what was sent, and the answers have come."""
        await raw.flush()
        # What is sent now is received after it: nothing of it is still on its way.
        assert (await partner.ask("user.list", {})).done
        worker = partner.deployment.worker
        await eventually(lambda: worker.server.in_flight == 0)
        await worker.connection.flush()
        await raw.flush()

    async def last_sequence(self, nats: Client) -> int:
        return (await nats.jetstream().stream_info(STREAM)).state.last_seq


class TestWithoutReply:
    async def test_is_carried_out(self, raw: RawClient, partner: Partner) -> None:
        """A request that wants no answer changes what it should, and tells of it."""
        body = orjson.dumps(new_user(await partner.entity()))
        headers = block(b"token: " + partner.all_rights.encode())
        raw.publish(partner.subject("user.create").encode(), body, headers)

        async def created() -> list[dict[str, str]]:
            users: list[dict[str, str]] = (await partner.ask("user.list", {})).done["users"]
            return users

        [user] = await eventually(created)
        [event] = await partner.events(user["id"], 1)
        assert event["type"] == "user.created"

    async def test_refusal_is_logged(
        self, raw: RawClient, partner: Partner, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Its refusal is in the log, under its request id."""
        headers = block(b"X-Request-Id: nobody-waits")
        raw.publish(partner.subject("user.create").encode(), b"{}", headers)
        said = ""

        def logged() -> bool:
            nonlocal said
            said += capsys.readouterr().out
            return bool(re.search("code=UNAUTHENTICATED.*request_id=nobody-waits", said))

        await eventually(logged)

    async def test_refused_query_is_logged_too(
        self, raw: RawClient, partner: Partner, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """So is a query's: nobody else hears of it."""
        headers = block(b"X-Request-Id: nobody-waits-2")
        raw.publish(partner.subject("user.list").encode(), b"{}", headers)
        said = ""

        def logged() -> bool:
            nonlocal said
            said += capsys.readouterr().out
            return "nobody-waits-2" in said

        await eventually(logged)
