"""Wrong guesses: slowed down and counted on all workers together, and nobody is locked out."""

import asyncio
import secrets
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from service.problems import RateLimited
from service.tokens.attempts import ATTEMPTS
from tests.client import Partner, Reply
from tests.clients import Client
from tests.deployment import Deployment
from tests.eventually import eventually

GUESSES = 1_000
AT_ONCE = 50


async def guess(ask: Callable[[], Awaitable[Reply]], count: int = GUESSES) -> Counter[str]:
    """What becomes of so many guesses, so many of them at once."""
    seen: Counter[str] = Counter()
    for _ in range(0, count, AT_ONCE):
        for reply in await asyncio.gather(*(ask() for _ in range(AT_ONCE))):
            status, code, _ = reply.refusal
            seen[code] += 1
            assert status != 429 or 1 <= int(reply.headers["Retry-After"]) <= 3
    return seen


async def test_guesses_at_a_code(deploy: Callable[..., Awaitable[Deployment]]) -> None:
    """Of a thousand guesses a few are looked at; the right code gets through within seconds."""
    deployment = await deploy(2)
    client = await Client.of(Partner(deployment))
    user, neighbour = await client.signed_up(), await client.signed_up()
    clock = asyncio.get_running_loop().time
    began = clock()
    seen = await guess(lambda: client.exchange(user, registration_code=secrets.token_urlsafe(32)))
    took = clock() - began
    assert sum(seen.values()) == GUESSES
    # Ten at once, one more each three seconds, whichever of the workers they went to.
    assert seen["INVALID_GRANT"] <= 11 + took / 3
    assert seen["RATE_LIMITED"] == GUESSES - seen["INVALID_GRANT"]
    refused = sum(worker.authority.attempts.refused for worker in deployment.workers)
    assert refused == seen["RATE_LIMITED"]
    assert (await client.exchange(neighbour)).done, "another e-mail is not slowed"

    async def let_in() -> bool:
        return (await client.exchange(user)).status == 200

    await eventually(let_in, within=10)


async def test_charged_in_another_order(deploy: Callable[..., Awaitable[Deployment]]) -> None:
    """One that came a second earlier and is charged after the others waits no longer than they."""
    attempts = (await deploy()).workers[0].authority.attempts
    came = datetime.now(UTC)
    for _ in range(10):
        await attempts.charge(came + timedelta(seconds=1), "partner", "an-e-mail")
    with pytest.raises(RateLimited) as refused:
        await attempts.charge(came, "partner", "an-e-mail")
    assert refused.value.retry_after == 3


class Held(str):
    """A secret that is being hashed until it is let go."""

    let_go: threading.Event

    def encode(self, *_: str) -> bytes:
        self.let_go.wait()
        return b"hashed at last"


async def test_not_judged_is_not_charged(partner: Partner) -> None:
    """Who is turned away because the worker is busy has guessed nothing, however often."""
    client = await Client.of(partner)
    user = await client.signed_up()
    hashing = partner.deployment.worker.authority.hashing
    held = Held("secret")
    held.let_go = threading.Event()
    full = [asyncio.create_task(hashing.hash(held)) for _ in range(40)]
    try:
        await eventually(lambda: any(task.done() for task in full))
        for _ in range(20):
            assert (await client.exchange(user)).refusal == (503, "OVERLOADED", None)
    finally:
        held.let_go.set()
        await asyncio.gather(*full, return_exceptions=True)
    wrong = [await client.exchange(user, registration_code="x" * 32) for _ in range(4)]
    assert {reply.refusal[1] for reply in wrong} == {"INVALID_GRANT"}
    assert (await client.exchange(user)).done


async def test_guesses_at_a_secret(deploy: Callable[..., Awaitable[Deployment]]) -> None:
    """Guesses at a client's secret are slowed; the client itself is not, not even meanwhile."""
    deployment = await deploy(2)
    client = await Client.of(Partner(deployment))
    clock = asyncio.get_running_loop().time
    began = clock()
    guesses = asyncio.create_task(
        guess(lambda: client.issue(client_secret=secrets.token_urlsafe(32)))
    )
    rightful = 0
    while not guesses.done():
        assert (await client.issue()).done
        rightful += 1
    seen = await guesses
    assert rightful > 10
    assert seen["INVALID_CLIENT"] <= 11 + (clock() - began) / 3
    assert seen["RATE_LIMITED"] == GUESSES - seen["INVALID_CLIENT"]
    assert (await client.issue()).done


async def test_nothing_is_kept_of_right_ones(partner: Partner) -> None:
    """An exchange that succeeds leaves no count; a wrong one is counted without the e-mail."""
    counts = partner.deployment.database[ATTEMPTS]
    before = await counts.count_documents({})
    client = await Client.of(partner)
    user = await client.signed_up()
    assert (await client.exchange(user)).done
    assert await counts.count_documents({}) == before
    for _ in range(3):
        assert (await client.exchange(user)).refusal[1] == "INVALID_GRANT"
    found = await counts.find().sort("until", -1).to_list(1)
    assert found[0]["count"] == 3
    assert user.email not in str(found)
