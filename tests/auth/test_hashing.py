"""Hashing: argon2id, beside the loop and never in its way."""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable

import pytest

from service.auth.hashing import Hashing
from service.problems import Overloaded
from tests.client import Partner
from tests.clients import Client, signing_up

GETS_A_SECOND = 200
SIGNUPS_A_SECOND = 10
SECONDS = 2
ROUNDS = 3


async def test_owasps_minimum() -> None:
    """The hash says argon2id with at least 19 MiB, two passes and one lane, each with its salt."""
    hashing = Hashing()
    first, second = await hashing.hash("secret"), await hashing.hash("secret")
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert await hashing.matches("secret", first)
    assert not await hashing.matches("another", first)
    assert not await hashing.matches("secret", None)
    hashing.close()


@pytest.mark.alone
async def test_nobody_takes_as_long() -> None:
    """A comparison with nothing takes about the time of one with a hash."""
    hashing = Hashing()
    hashed = await hashing.hash("secret")
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(15):
        for known, taken in times.items():
            began = time.perf_counter()
            assert not await hashing.matches("guess", hashed if known else None)
            taken.append(time.perf_counter() - began)
    ratio = statistics.median(times[False]) / statistics.median(times[True])
    assert 0.6 < ratio < 1.6
    hashing.close()


async def test_more_than_can_wait_is_refused() -> None:
    """What would wait too long is refused at once, and what waits is carried out."""
    hashing = Hashing(threads=1)
    asked = [hashing.matches("guess", None) for _ in range(60)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Overloaded)]
    assert len(refused) == 35
    assert results.count(False) == 25
    with pytest.raises(Overloaded):
        await asyncio.gather(*(hashing.hash("secret") for _ in range(30)))
    hashing.close()


@pytest.mark.alone
async def test_same_time_for_nobody(partner: Partner) -> None:
    """An exchange takes about as long for nobody, a user without a code, and a wrong code."""
    client = await Client.of(partner)
    users = [await client.signed_up() for _ in range(4)]
    plain = [(await partner.record(await partner.user()))["email"] for _ in range(4)]
    emails = {
        "wrong": [user.email for user in users],
        "nobody": [signing_up()["email"] for _ in range(4)],
        "no code": plain,
    }
    times: dict[str, list[float]] = {kind: [] for kind in emails}
    for at in range(20):
        for kind, known in emails.items():
            fields = {"email": known[at % 4], "registration_code": "x" * 40}
            began = time.perf_counter()
            reply = await client.issue("registration_code", **fields)
            times[kind].append(time.perf_counter() - began)
            assert reply.refusal == (401, "INVALID_GRANT", None)
    medians = [statistics.median(each) for each in times.values()]
    assert max(medians) / min(medians) < 1.6


@pytest.mark.alone
async def test_gets_beside_sign_ups(partner: Partner) -> None:
    """With ten sign-ups a second, p99 of 200 gets a second stays within 3 times its quiet value."""
    user_id = await partner.user()

    async def get() -> object:
        return (await partner.ask("user.get", {"user_id": user_id})).done

    async def sign_up() -> object:
        return (await partner.ask("user.signup", signing_up())).done

    gc.collect()
    await paced(get, GETS_A_SECOND, 1)
    quiet, beside = [], []
    for _ in range(ROUNDS):  # in turns, so that whatever else the machine does is in both
        quiet.append(p99(await paced(get, GETS_A_SECOND, SECONDS)))
        gets, _ = await asyncio.gather(
            paced(get, GETS_A_SECOND, SECONDS), paced(sign_up, SIGNUPS_A_SECOND, SECONDS)
        )
        beside.append(p99(gets))
    # A millisecond is about what a quiet machine's own hiccups come to.
    assert statistics.median(beside) <= 3 * max(statistics.median(quiet), 1.0), (beside, quiet)


async def paced(ask: Callable[[], Awaitable[object]], rate: int, seconds: float) -> list[float]:
    """Ask at a steady rate; the milliseconds that each took from when it was due."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def one(due: float) -> float:
        await ask()
        return (loop.time() - due) * 1_000

    tasks = []
    for number in range(round(rate * seconds)):
        due = began + number / rate
        await asyncio.sleep(due - loop.time())
        tasks.append(asyncio.create_task(one(due)))
    return await asyncio.gather(*tasks)


def p99(times: list[float]) -> float:
    """What 99 of a hundred took at most."""
    return statistics.quantiles(times, n=100)[-1]
