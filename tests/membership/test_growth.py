"""An account of 5,000 members: each operation as quick as in one of five, each page by an index."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from service.ids import new_id
from tests.client import Partner, Reply
from tests.deployment import Deployment, Document
from tests.membership.accounts import CONTEXT, Accounts

FEW, MANY = 5, 5_000
PAGE = 5
TRIALS = 15
JITTER_SECONDS = 0.002
MOST_EXAMINED = 4 * PAGE
"""Keys that a page may cost: each range of an index has one that only says that it has ended."""

BORN = datetime(2024, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.alone


@dataclass
class Crowd:
    """An account with so many members, and who acts in it."""

    accounts: Accounts
    account_id: str
    owner: str
    user: str
    """A user who comes and goes."""
    member: str
    """One of the many, in the middle."""

    async def ask(self, title: str, **body: object) -> Reply:
        """Ask as the owner where a role decides, else as a client."""
        by_role = title in {"membership.create", "membership.modify", "membership.remove"}
        reply = await self.accounts.partner.ask(
            title, body, self.accounts.tokens[self.owner] if by_role else None
        )
        assert reply.status == 200, reply.body
        return reply

    async def add(self, **fields: object) -> None:
        """Add the user who comes and goes."""
        token = self.accounts.tokens[self.user]
        ids = {"account_id": self.account_id, "member_access_token": token}
        await self.ask("membership.create", **ids, **fields)

    async def of_user(self, name: str, **fields: object) -> None:
        """Do something with the user who comes and goes."""
        ids = {"account_id": self.account_id, "user_id": self.user}
        await self.ask(f"membership.{name}", **ids, **fields)


async def crowd_of(deployment: Deployment, count: int) -> Crowd:
    """An account whose members, but for two, are copies of one made in the ordinary way."""
    accounts = Accounts(Partner(deployment))
    owner, user, first = [await accounts.user() for _ in range(3)]
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, first, "member")
    memberships = deployment.database["memberships"]
    template = await memberships.find_one({"user_id": first})
    assert template is not None
    copies = [copy_of(template, number) for number in range(count - 2)]
    await memberships.insert_many(copies, ordered=False)
    return Crowd(accounts, account_id, owner, user, copies[count // 2 - 1]["user_id"])


def copy_of(template: Document, number: int) -> Document:
    """One more member; a tenth are moderators, a hundredth are proposed as admins."""
    user_id = str(uuid4())
    return template | {
        "_id": new_id(BORN + timedelta(milliseconds=number)),
        "user_id": user_id,
        "seat": f"{template['account_id']}/{user_id}",
        "role": "moderator" if number % 10 == 1 else "member",
        "pending": number % 100 == 1,
        "outbox": [],
    }


@pytest.fixture(scope="module")
async def crowds(deployment: Deployment) -> tuple[Crowd, Crowd]:
    """A small account and a large one, before the same worker."""
    return await crowd_of(deployment, FEW), await crowd_of(deployment, MANY)


Steps = list[tuple[str, Callable[[Crowd], Awaitable[Any]]]]


def listing(**body: object) -> Callable[[Crowd], Awaitable[Any]]:
    """A page of the account's memberships."""
    return lambda crowd: crowd.ask(
        "membership.list", account_id=crowd.account_id, limit=PAGE, **body
    )


ADMIN = {"role": "admin", "admin_context": CONTEXT}
# One after the other they leave the account as it was.
STEPS: Steps = [
    ("create", lambda crowd: crowd.add()),
    ("modify", lambda crowd: crowd.of_user("modify", role="member")),
    ("modify to admin", lambda crowd: crowd.of_user("modify", **ADMIN)),
    ("reject", lambda crowd: crowd.of_user("reject", reason="no papers")),
    ("propose again", lambda crowd: crowd.of_user("modify", **ADMIN)),
    ("approve", lambda crowd: crowd.of_user("approve")),
    ("demote", lambda crowd: crowd.of_user("modify", role="moderator")),
    ("remove", lambda crowd: crowd.of_user("remove")),
    ("add again as admin", lambda crowd: crowd.add(**ADMIN)),
    ("remove again", lambda crowd: crowd.of_user("remove")),
    ("get", lambda crowd: crowd.ask("account.get", account_id=crowd.account_id)),
    ("accounts", lambda crowd: crowd.ask("account.list", user_id=crowd.owner)),
    (
        "check",
        lambda crowd: crowd.ask(
            "membership.check",
            account_id=crowd.account_id,
            user_id=crowd.owner,
            permission="VIEW",
        ),
    ),
    ("list", listing()),
    ("list by role", listing(role="member")),
    ("list admins", listing(role="admin")),
    ("list of a user", lambda c: c.ask("membership.list", user_id=c.member)),
    ("list of a user in it", lambda crowd: listing(user_id=crowd.member)(crowd)),
    ("list proposed", listing(pending=True)),
    ("list not proposed", listing(pending=False)),
    ("settle", lambda c: c.ask("account.record_settlement", account_id=c.account_id)),
]


async def test_each_operation_is_as_quick(crowds: tuple[Crowd, Crowd]) -> None:
    """Alone in flight it takes less than twice what it takes in the small account."""
    quickest: dict[tuple[str, int], float] = {}
    for _ in range(TRIALS):
        for size, crowd in zip((FEW, MANY), crowds, strict=True):
            for name, step in STEPS[:-1]:
                began = time.perf_counter()
                await step(crowd)
                taken = time.perf_counter() - began
                quickest[name, size] = min(taken, quickest.get((name, size), taken))
    both = {name: (quickest[name, FEW], quickest[name, MANY]) for name, _ in STEPS[:-1]}
    slow = {name for name, (few, many) in both.items() if many > 2 * few + JITTER_SECONDS}
    assert not slow, both


async def test_pages_hold_everybody_once(crowds: tuple[Crowd, Crowd]) -> None:
    """In the order of joining, and whichever way they are filtered."""
    _, crowd = crowds
    database = crowd.accounts.partner.deployment.database
    kept = await database["memberships"].find({"account_id": crowd.account_id}).to_list()
    kept = sorted((each for each in kept if each["role"] != "none"), key=lambda each: each["_id"])
    for filters in ({}, {"role": "moderator"}, {"pending": True}, {"pending": False}):
        whole = [
            each["user_id"]
            for each in kept
            if all(each[name] == value for name, value in filters.items())
        ]
        found: list[str] = []
        cursor = None
        while True:
            body = {"account_id": crowd.account_id, "limit": 500, "cursor": cursor}
            page = (await crowd.ask("membership.list", **body, **filters)).done
            found += [each["user_id"] for each in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == whole


async def test_nothing_is_read_that_is_not_needed(crowds: tuple[Crowd, Crowd]) -> None:
    """Each query goes by an index, in its order, and looks at hardly more than it gives."""
    _, crowd = crowds
    partner = crowd.accounts.partner
    database = partner.deployment.database
    ours = {"$regex": r"\.(memberships|accounts|users)$"}
    # What the sweep looks for is not what the operations ask; a check is an aggregation.
    asked = {
        "ns": ours,
        "$or": [{"op": "query"}, {"command.aggregate": {"$exists": True}}],
        "command.filter.outbox.at": {"$exists": False},
    }
    await database.command({"profile": 2, "filter": {"ns": ours}})
    last = {"account_id": crowd.account_id, "limit": PAGE}
    seen = await partner.ask("membership.list", last)
    for name, step in [*STEPS[:-1], ("next", listing(cursor=seen.done["next_cursor"])), STEPS[-1]]:
        began = datetime.now(UTC) - timedelta(milliseconds=1)  # MongoDB's times are whole ones
        await step(crowd)
        queries = await database["system.profile"].find(asked | {"ts": {"$gte": began}}).to_list()
        assert queries, name
        for query in queries:
            assert "IXSCAN" in query["planSummary"] or "IDHACK" in query["planSummary"], query
            # Of one seat there is one membership: to sort it is nothing.
            assert not query.get("hasSortStage") or "seat" in query["command"]["filter"], query
            assert query["docsExamined"] <= max(query["nreturned"], 1), (name, query)
            assert query["keysExamined"] <= MOST_EXAMINED, (name, query)
    await database.command({"profile": 0})
