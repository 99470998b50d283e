"""Two workers, 64 clients: one winner each, no update lost, nothing doubled."""

import asyncio
import random
from collections import Counter

import pytest

from tests.client import Partner, Reply, new_user
from tests.deployment import Deploy

CLIENTS = 64
TAKEN = (409, "NOT_UNIQUE", "email")
CONFLICT = (409, "VERSION_CONFLICT", None)


@pytest.fixture
async def partner(deploy: Deploy) -> Partner:
    """A partner of two workers."""
    return Partner(await deploy(2))


async def everybody(partner: Partner, body: dict[str, object], *keys: str) -> list[Reply]:
    """The answers to all clients that create the same at once, each with the next key in turn."""
    headers = [{"idempotency_key": key} for key in keys] or [{}]
    asks = [partner.ask("user.create", body, **headers[n % len(headers)]) for n in range(CLIENTS)]
    return await asyncio.gather(*asks)


async def all_users(partner: Partner) -> dict[str, int]:
    """The versions of all users, each held to having exactly one event for each."""
    users = (await partner.ask("user.list", {"limit": 500})).done["users"]
    versions = {user["id"]: user["version"] for user in users}
    told = await asyncio.gather(*(partner.events(id, v) for id, v in versions.items()))
    assert [len(events) for events in told] == list(versions.values())
    return versions


async def test_one_email(partner: Partner) -> None:
    """Of all who create a user with one e-mail at once, one does; the others hear why not."""
    entity_id = await partner.entity()
    emails = [f"race.{n}@example.com" for n in range(8)]
    rounds = [everybody(partner, new_user(entity_id, email=email)) for email in emails]
    for replies in await asyncio.gather(*rounds):
        refused = [reply.refusal for reply in replies if reply.status != 200]
        assert refused == [TAKEN] * (CLIENTS - 1)
    assert set((await all_users(partner)).values()) == {1}
    assert len(await all_users(partner)) == len(emails)
    assert min(partner.deployment.answered) > CLIENTS


async def test_one_key(partner: Partner) -> None:
    """All retries of one request at once are one creation, and have the same reply."""
    entity_id = await partner.entity()
    rounds = [everybody(partner, new_user(entity_id), f"key-{n}") for n in range(8)]
    for replies in await asyncio.gather(*rounds):
        assert len({reply.done["userId"] for reply in replies}) == 1
        first = [reply for reply in replies if "Idempotency-Replayed" not in reply.headers]
        assert len(first) == 1
        assert {reply.version for reply in replies} == {1}
    assert len(await all_users(partner)) == 8


async def test_two_keys_and_one_email(partner: Partner) -> None:
    """Two requests with a key each want one e-mail: one key gets it, in all of its retries."""
    entity_id = await partner.entity()
    for n in range(8):
        replies = await everybody(partner, new_user(entity_id), f"first-{n}", f"second-{n}")
        by_key = [replies[0::2], replies[1::2]]
        won = [each for each in by_key if {reply.status for reply in each} == {200}]
        lost = [each for each in by_key if {reply.status for reply in each} == {409}]
        assert (len(won), len(lost)) == (1, 1)
        assert len({reply.done["userId"] for reply in won[0]}) == 1
        assert {reply.refusal for reply in lost[0]} == {TAKEN}
    assert len(await all_users(partner)) == 8


async def test_one_key_for_two_requests(partner: Partner) -> None:
    """Two requests race under one key: one is created, the other refused in all of its retries."""
    entity_id = await partner.entity()
    bodies = [new_user(entity_id), new_user(entity_id)]
    replies = await asyncio.gather(
        *(partner.ask("user.create", bodies[n % 2], idempotency_key="k") for n in range(CLIENTS))
    )
    outcomes = sorted(({reply.status for reply in replies[n::2]} for n in range(2)), key=str)
    assert outcomes == [{200}, {409}]
    reused = {reply.refusal for reply in replies if reply.status != 200}
    assert reused == {(409, "IDEMPOTENCY_KEY_REUSED", None)}
    assert len(await all_users(partner)) == 1


async def test_no_update_is_lost(partner: Partner) -> None:
    """Counted up with If-Match by all clients at once, while others change other fields, and
    others again switch, no step is lost: the counter, the versions and the events agree."""
    entity_id = await partner.entity()
    people = [await partner.user(entity_id, title="0 steps") for _ in range(4)]
    changes = Counter(dict.fromkeys(people, 1))
    steps: Counter[str] = Counter()

    async def count_up(user_id: str) -> None:
        while True:
            user = (await partner.ask("user.list", {"limit": 4})).done["users"]
            record = next(each for each in user if each["id"] == user_id)
            title = f"{int(record['title'].split()[0]) + 1} steps"
            body = {"user_id": user_id, "title": title}
            reply = await partner.ask("user.update", body, if_match=str(record["version"]))
            if reply.status == 200:
                steps[user_id] += 1
                changes[user_id] += 1
                return
            assert reply.refusal == CONFLICT

    async def change(user_id: str, number: int) -> None:
        field = random.choice(["first_name", "residency", "birth_city", "occupation"])
        body = {"user_id": user_id, field: f"number {number}"}
        assert (await partner.ask("user.update", body)).done
        changes[user_id] += 1

    async def client(number: int) -> None:
        for _ in range(3):
            user_id = random.choice(people)
            await (count_up(user_id) if number % 4 == 0 else change(user_id, number * 10 + _))

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    assert sum(steps.values()) == CLIENTS // 4 * 3
    users = (await partner.ask("user.list", {})).done["users"]
    assert {user["id"]: int(user["title"].split()[0]) for user in users} == {
        user_id: steps[user_id] for user_id in people
    }
    assert await all_users(partner) == dict(changes)
    assert min(partner.deployment.answered) > 50


async def test_email_changes_hands(partner: Partner) -> None:
    """Creations, updates and activations that race for a few e-mails leave each with one."""
    entity_id = await partner.entity()
    emails = [f"few.{n}@example.com" for n in range(4)]
    idle = [await partner.user(entity_id, email=emails[0])]
    await partner.ask("user.deactivate", {"user_id": idle[0]})
    for email in emails[1:]:
        idle.append(await partner.user(entity_id, email=email))
        await partner.ask("user.deactivate", {"user_id": idle[-1]})
    others = [await partner.user(entity_id) for _ in range(16)]

    def racer(number: int) -> tuple[str, dict[str, object]]:
        email = emails[number % 4]
        return [
            ("user.create", new_user(entity_id, email=email)),
            ("user.update", {"user_id": others[number % 16], "email": email.upper()}),
            ("user.activate", {"user_id": idle[number % 4]}),
        ][number % 3]

    replies = await asyncio.gather(*(partner.ask(*racer(n)) for n in range(CLIENTS)))
    assert {reply.refusal for reply in replies if reply.status != 200} <= {TAKEN}
    for email in emails:
        found = await partner.ask("user.list", {"email": email, "active": True})
        assert len(found.done["users"]) == 1
    await all_users(partner)
