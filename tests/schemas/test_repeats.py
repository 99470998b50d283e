"""What the client sends again, and what it must not: the worker is the test's, NATS is real."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from schemas.client import (
    Client,
    NoAnswer,
    NotReached,
    Refusal,
    ServiceUnavailable,
    UnexpectedReply,
)
from schemas.client.codes import Overloaded, RateLimited, VersionConflict
from schemas.token import RevokeToken
from schemas.user import SwitchUser, UserId
from service.local import LocalServer
from tests.eventually import eventually
from tests.faults.house import connected
from tests.schemas.scripted import PARTNER, Answer, ScriptedWorker
from tests.schemas.test_client import a_user
from tests.servers import PrivateServers

USER = "01a1ffd5-257b-7695-a98e-100d796fdba9"
SILENCE = Answer(None)
DONE = Answer(body={"userId": USER, "active": True}, headers={"ETag": "2"})
UNAVAILABLE = Answer(503, "UNAVAILABLE")
OVERLOADED = Answer(503, "OVERLOADED")
RATE_LIMITED = Answer(429, "RATE_LIMITED")

Asking = Callable[[Client], Awaitable[Any]]
Calls = dict[str, tuple[str, Asking]]

CALLS: Calls = {
    "query": ("user.get_contact_email", lambda c: c.user.get_contact_email(UserId(user_id=USER))),
    "create": ("user.create", lambda c: c.user.create(a_user(USER))),
    "change if match": (
        "user.deactivate",
        lambda c: c.user.deactivate(SwitchUser(user_id=USER), if_match=1),
    ),
    "change": ("user.deactivate", lambda c: c.user.deactivate(SwitchUser(user_id=USER))),
    "once": (
        "token.revoke",
        lambda c: c.token.revoke(RevokeToken(client_id="a", client_secret="b", token="c")),
    ),
}
BODIES = {
    "user.get_contact_email": {"email": "ann@example.com"},
    "user.create": {"userId": USER},
    "user.deactivate": {"userId": USER, "active": False},
    "token.revoke": {"revoked": True},
}
SAFE, UNSAFE = ("query", "create", "change if match"), ("change", "once")


@pytest.fixture
async def server(private_servers: PrivateServers) -> LocalServer:
    return await private_servers.nats()


@pytest.fixture
async def client(server: LocalServer) -> AsyncIterator[Client]:
    """A client of that server that does not wait long for one attempt."""
    async with Client.connected(
        server.url, PARTNER, "token", deadline=5.0, patience=0.15, reconnect_time_wait=0.05
    ) as client:
        yield client


async def asked(client: Client, kind: str, *answers: Answer) -> tuple[ScriptedWorker, Any]:
    """The worker that heard a request of this kind, and what came of it."""
    title, ask = CALLS[kind]
    service, _, name = title.partition(".")
    worker = ScriptedWorker(*answers, Answer(body=BODIES[title]))
    await worker.listen(client.connection, f"svc.{service}.{PARTNER}.{name}")
    try:
        return worker, await ask(client)
    except (Refusal, NoAnswer) as error:
        return worker, error


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("answer", [OVERLOADED, RATE_LIMITED], ids=lambda each: each.code)
async def test_what_was_not_carried_out_is_sent_again(
    client: Client, kind: str, answer: Answer
) -> None:
    worker, outcome = await asked(client, kind, answer, answer)
    assert outcome == BODIES[CALLS[kind][0]]
    assert len(worker.requests) == 3


@pytest.mark.parametrize("answer", [SILENCE, UNAVAILABLE], ids=["silence", "UNAVAILABLE"])
@pytest.mark.parametrize("kind", SAFE)
async def test_what_is_safe_to_repeat_is_sent_again(
    client: Client, kind: str, answer: Answer
) -> None:
    """As the same request: with the same key, the same version, the same request id."""
    worker, outcome = await asked(client, kind, answer, answer)
    assert outcome == BODIES[CALLS[kind][0]]
    assert len(worker.requests) == 3
    for name in ("Idempotency-Key", "If-Match", "X-Request-Id", "Authorization"):
        assert len(worker.header(name)) == 1
    assert len({request.data for request in worker.requests}) == 1
    assert (worker.header("Idempotency-Key") == {""}) == (kind != "create")


@pytest.mark.parametrize("answer", [SILENCE, UNAVAILABLE], ids=["silence", "UNAVAILABLE"])
@pytest.mark.parametrize("kind", UNSAFE)
async def test_what_may_have_been_carried_out_is_not(
    client: Client, kind: str, answer: Answer
) -> None:
    worker, outcome = await asked(client, kind, answer)
    assert isinstance(outcome, ServiceUnavailable if answer is UNAVAILABLE else NoAnswer)
    assert not isinstance(outcome, NotReached)
    assert len(worker.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 500, 418])
async def test_a_refusal_is_the_end_of_it(client: Client, status: int) -> None:
    """Also one of a code, or a status, that this client does not know."""
    worker, outcome = await asked(client, "query", Answer(status, "NEVER_HEARD_OF"))
    assert isinstance(outcome, Refusal)
    assert (outcome.status, outcome.code) == (status, "NEVER_HEARD_OF")
    assert len(worker.requests) == 1


async def test_a_conflict_after_silence_may_be_one_with_itself(client: Client) -> None:
    conflict = Answer(409, "VERSION_CONFLICT")
    _, outcome = await asked(client, "change if match", SILENCE, conflict)
    assert isinstance(outcome, VersionConflict)
    assert outcome.perhaps_done


async def test_retry_after_is_waited_for(client: Client) -> None:
    answer = Answer(503, "OVERLOADED", headers={"Retry-After": "1"})
    worker, outcome = await asked(client, "query", answer)
    assert outcome == {"email": "ann@example.com"}
    first, second = worker.times
    assert second - first >= 1.0


async def test_a_wait_beyond_the_deadline_is_not_begun(client: Client) -> None:
    """The refusal comes at once, and says how long to wait."""
    begun = time.monotonic()
    answer = Answer(429, "RATE_LIMITED", headers={"Retry-After": "60"})
    worker, outcome = await asked(client, "query", answer)
    assert isinstance(outcome, RateLimited)
    assert outcome.retry_after == 60
    assert time.monotonic() - begun < 2.0
    assert len(worker.requests) == 1


@pytest.mark.parametrize("answer", [SILENCE, OVERLOADED], ids=["silence", "OVERLOADED"])
async def test_never_past_the_deadline(client: Client, answer: Answer) -> None:
    worker = ScriptedWorker(answer)
    await worker.listen(client.connection, f"svc.user.{PARTNER}.get")
    begun = time.monotonic()
    with pytest.raises((NoAnswer, Overloaded)):
        await client.user.get(UserId(user_id=USER), deadline=0.6)
    assert time.monotonic() - begun < 0.8
    assert len(worker.requests) > 1


async def test_a_token_that_does_not_come_ends_at_the_deadline(server: LocalServer) -> None:
    async def never() -> str:
        await asyncio.Event().wait()
        return ""

    async with Client.connected(server.url, PARTNER, never) as client:
        with pytest.raises(NoAnswer):
            await client.user.get(UserId(user_id=USER), deadline=0.3)


@pytest.mark.parametrize("kind", CALLS)
async def test_without_a_worker_the_next_one_is_waited_for(client: Client, kind: str) -> None:
    title, ask = CALLS[kind]
    asking = asyncio.ensure_future(ask(client))
    await eventually(lambda: client.connection.stats["in_msgs"] > 1, what="nobody listens, twice")
    worker = ScriptedWorker(Answer(body=BODIES[title]))
    service, _, name = title.partition(".")
    await worker.listen(client.connection, f"svc.{service}.{PARTNER}.{name}")
    assert await asking == BODIES[title]
    assert len(worker.requests) == 1


async def test_nobody_ever_there(client: Client) -> None:
    with pytest.raises(NotReached):
        await client.user.create(a_user(USER), deadline=0.4)


async def test_nats_never_there() -> None:
    """The deadline is that of the first connection too."""
    with pytest.raises(NotReached):
        async with asyncio.timeout(5), Client.connected("nats://127.0.0.1:1", "acme", deadline=0.3):
            pass


async def test_nats_away_and_back(client: Client, server: LocalServer) -> None:
    """What is asked meanwhile waits, and is not sent by surprise when nobody waits any more."""
    server.kill()
    await eventually(lambda: not client.connection.is_connected)
    with pytest.raises(NotReached):
        await client.user.deactivate(SwitchUser(user_id=USER), deadline=0.3)
    asking = asyncio.ensure_future(client.user.deactivate(SwitchUser(user_id=USER), deadline=20))
    await server.start()
    worker_side = await connected(server.url)
    worker = ScriptedWorker(DONE)
    await worker.listen(worker_side, f"svc.user.{PARTNER}.deactivate")
    assert await asking == DONE.body
    assert len(worker.requests) == 1
    await worker_side.close()


@pytest.mark.parametrize("body", [{}, {"userId": 1}, [], "user"])
async def test_what_is_no_reply_is_told_as_such(client: Client, body: Any) -> None:
    worker = ScriptedWorker(Answer(body=body))
    await worker.listen(client.connection, f"svc.user.{PARTNER}.create")
    with pytest.raises(UnexpectedReply):
        await client.user.create(a_user(USER))


async def test_what_a_reply_has_besides_is_no_matter(client: Client) -> None:
    worker = ScriptedWorker(Answer(body={"userId": USER, "new": 1}))
    await worker.listen(client.connection, f"svc.user.{PARTNER}.create")
    assert (await client.user.create(a_user(USER)))["userId"] == USER
