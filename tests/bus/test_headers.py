"""The headers of a request, and what they do."""

import re

import pytest

from tests.bus.raw import RawClient, block
from tests.client import BY_TITLE, Partner, Reply, new_user

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ENTITY = b'{"entity_type":"business","registration_number":"1","trading_name":"Acme"}'


async def listed(raw: RawClient, partner: Partner, *lines: bytes) -> Reply:
    """The answer to a list request with these header lines and no others."""
    return await raw.request(BY_TITLE["user.list"], partner.name.encode(), b"{}", block(*lines))


class TestTokens:
    @pytest.mark.parametrize(
        "lines",
        [
            (b"Authorization: Bearer %b",),
            (b"authorization: bearer %b",),
            (b"AUTHORIZATION:BEARER   %b  ",),
            (b"token: %b",),
            (b"Token:%b",),
            (b"tOkEn: \t%b\t",),
            (b"Authorization: Bearer %b", b"token: %b"),
            (b"Authorization: Bearer %b", b"authorization: Bearer %b"),
            (b"token: %b", b"Token: %b"),
            (b"token: %b", b"X-Token: something else"),
        ],
    )
    async def test_accepted(
        self, raw: RawClient, partner: Partner, lines: tuple[bytes, ...]
    ) -> None:
        """Either header, whatever its case, or both with the same token."""
        token = partner.all_rights.encode()
        sent = [line.replace(b"%b", token) for line in lines]
        assert (await listed(raw, partner, *sent)).done == {"users": [], "next_cursor": None}

    @pytest.mark.parametrize(
        "lines",
        [
            (b"Authorization: Bearer %a", b"token: %b"),
            (b"Authorization: Bearer %a", b"authorization: Bearer %b"),
            (b"token: %a", b"token: %b"),
            (b"Authorization: Basic %a", b"token: %a"),
            (b"Authorization: %a",),
            (b"X-Token: %a",),
            (b"Authorization : Basic x", b"token: %a"),
        ],
    )
    async def test_refused(
        self, raw: RawClient, partner: Partner, lines: tuple[bytes, ...]
    ) -> None:
        """Two tokens that differ, though both are good, are none."""
        first, second = partner.all_rights.encode(), partner.token(subject="other").encode()
        sent = [line.replace(b"%a", first).replace(b"%b", second) for line in lines]
        assert (await listed(raw, partner, *sent)).refusal == (401, "UNAUTHENTICATED", None)


class TestRequestId:
    @pytest.mark.parametrize("id", ["a", "A-1", "0" * 36, "0198c0de-7000-7000-8000-00000000abcd"])
    async def test_echoed(self, partner: Partner, id: str) -> None:
        """One that is well-formed comes back, in refusals too."""
        assert (await partner.ask("user.list", {}, x_request_id=id)).headers["X-Request-Id"] == id
        refused = await partner.ask("user.get", {}, x_request_id=id)
        assert refused.body["instance"] == id

    @pytest.mark.parametrize(
        "lines",
        [
            (),
            (b"X-Request-Id:",),
            (b"X-Request-Id: " + b"0" * 37,),
            (b"X-Request-Id: a_b",),
            (b"X-Request-Id: a b",),
            (b"X-Request-Id: \xc3\xa9",),
            (b"X-Request-Id: \xff",),
            (b"X-Request-Id: a", b"x-request-id: b"),
        ],
    )
    async def test_made_up(
        self, raw: RawClient, partner: Partner, lines: tuple[bytes, ...]
    ) -> None:
        """Where there is none, or a malformed one, one is made up."""
        reply = await listed(raw, partner, *lines)
        sent = [line.partition(b":")[2].strip().decode("latin-1") for line in lines]
        made_up = reply.headers["X-Request-Id"]
        assert re.fullmatch(r"[0-9a-f-]{36}", made_up)
        assert made_up not in sent


class TestTrace:
    async def traced(self, raw: RawClient, partner: Partner, *lines: bytes) -> dict[str, object]:
        """What the event of a new entity has of the trace context in these headers."""
        headers = block(b"token: " + partner.all_rights.encode(), *lines)
        reply = await raw.request(BY_TITLE["entity.create"], partner.name.encode(), ENTITY, headers)
        [event] = await partner.events(reply.done["entityId"], 1)
        return {k: v for k, v in event.items() if k.startswith("trace")}

    async def test_carried_on(self, raw: RawClient, partner: Partner) -> None:
        """The caller's trace context is in the event that the request causes."""
        parent = {"traceparent": PARENT.decode()}
        assert await self.traced(raw, partner, b"traceparent: " + PARENT) == parent
        both = (b"Traceparent: " + PARENT, b"TraceState: a=1,b=2")
        assert await self.traced(raw, partner, *both) == parent | {"tracestate": "a=1,b=2"}

    @pytest.mark.parametrize(
        "lines",
        [
            (),
            (b"traceparent:",),
            (b"traceparent: x",),
            (b"traceparent: " + PARENT.upper(),),
            (b"traceparent: " + PARENT[:-1],),
            (b"traceparent: ff" + PARENT[2:],),
            (b"traceparent: 00-" + b"0" * 32 + PARENT[35:],),
            (b"traceparent: " + PARENT, b"traceparent: " + PARENT.replace(b"b7", b"b8")),
            (b"tracestate: a=1",),
        ],
    )
    async def test_malformed_is_left_out(
        self, raw: RawClient, partner: Partner, lines: tuple[bytes, ...]
    ) -> None:
        """A malformed one is no reason to refuse, and is not passed on."""
        assert await self.traced(raw, partner, *lines) == {}


class TestIdempotencyKey:
    @pytest.mark.parametrize("key", [b"k", b"!~", b'"quoted"', b"x" * 255, b"a:b/c?d=e", b"  k2  "])
    async def test_forms(self, raw: RawClient, partner: Partner, key: bytes) -> None:
        """1 to 255 visible ASCII characters are a key; the header's name has no case."""
        token = b"token: " + partner.all_rights.encode()
        replies = [
            await raw.request(
                BY_TITLE["entity.create"],
                partner.name.encode(),
                ENTITY,
                block(token, b"%b: %b" % (name, key)),
            )
            for name in (b"Idempotency-Key", b"idempotency-key")
        ]
        assert replies[0].done == replies[1].done
        assert replies[1].headers["Idempotency-Replayed"] == "true"

    async def test_ignored_where_nothing_is_created(self, partner: Partner) -> None:
        """Other operations do not look at it, malformed or used before."""
        body = {"user_id": await partner.user()}
        for key in ("k", "k", "not one"):
            for title in ("user.update", "user.get", "user.deactivate"):
                reply = await partner.ask(title, body, idempotency_key=key)
                assert reply.done
                assert "Idempotency-Replayed" not in reply.headers


class TestIfMatch:
    async def test_ignored_where_nothing_is_changed(self, partner: Partner) -> None:
        """Queries and creations do not look at it, malformed or of another version."""
        request = new_user(await partner.entity())
        for version in ("7", "malformed"):
            assert (await partner.ask("user.list", {}, if_match=version)).done
        assert (await partner.ask("user.create", request, if_match="malformed")).done

    async def test_same_twice(self, raw: RawClient, partner: Partner) -> None:
        """The same version twice is one."""
        body = b'{"user_id":"%b"}' % (await partner.user()).encode()
        token = b"token: " + partner.all_rights.encode()
        reply = await raw.request(
            BY_TITLE["user.deactivate"],
            partner.name.encode(),
            body,
            block(token, b"If-Match: 1", b"if-match: 1"),
        )
        assert reply.version == 2


class TestReplies:
    async def test_etag(self, partner: Partner) -> None:
        """A reply about one aggregate has its version, and one about several has none."""
        user_id = await partner.user()
        for title, body in (
            ("user.update", {"user_id": user_id}),
            ("user.get", {"user_id": user_id}),
            ("user.deactivate", {"user_id": user_id}),
            ("entity.get", {"entity_id": await partner.entity()}),
        ):
            assert (await partner.ask(title, body)).headers["ETag"].isdecimal()
        for title, body in (("user.list", {}), ("user.exists", {"email": "a@example.com"})):
            assert "ETag" not in (await partner.ask(title, body)).headers

    async def test_refusal(self, partner: Partner) -> None:
        """A refusal is told in NATS's headers and in a body with RFC 9457's fields."""
        reply = await partner.ask("user.get", {}, x_request_id="asked")
        assert reply.headers == {
            "X-Request-Id": "asked",
            "Nats-Service-Error": "400 REQUIRED: The request is not valid.",
            "Nats-Service-Error-Code": "400",
        }
        errors = reply.body.pop("errors")
        assert reply.body == {
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": "The request is not valid.",
            "instance": "asked",
        }
        [error] = errors
        assert error.keys() == {"code", "message", "path", "arguments"}
