"""Two workers and random steps: whatever comes at once, it is as if one had come after another."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.event import Event
from tests.client import Partner, Reply
from tests.deployment import Deployment
from tests.eventually import eventually
from tests.membership.accounts import Accounts
from tests.membership.model import Model, Step

USERS = range(6)
UNCONFIRMED = frozenset({5})
START = Model({0: "admin", 1: "admin", 2: "moderator", 3: "member"}, UNCONFIRMED)

SETTINGS = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

users = st.sampled_from(USERS)
# The admins act more often than the others: of the rest, most is refused.
actors = st.one_of(st.sampled_from([0, 1]), users)
roles = st.sampled_from(["admin", "admin", "moderator", "member"])
nobody, any_role = st.just(0), st.just("moderator")
steps = st.one_of(
    st.builds(Step, st.just("create"), actors, users, roles),
    st.builds(Step, st.just("modify"), actors, users, roles),
    st.builds(Step, st.just("remove"), actors, users, any_role),
    st.builds(Step, st.sampled_from(["approve", "reject"]), nobody, users, any_role),
)
many_steps = st.lists(st.one_of(steps, steps, steps, steps, st.just(Step("settle"))), max_size=25)
rounds = st.lists(
    st.lists(st.one_of(steps, steps, steps, st.just(Step("settle"))), min_size=2, max_size=4),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
async def deployment(
    nats_url: str, mongo_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    """Two workers, for the tests of this module."""
    folder: Path = tmp_path_factory.mktemp("keys")
    deployment = Deployment(folder, nats_url, mongo_uri, f"test_{uuid4().hex}")
    await deployment.start(2)
    yield deployment
    await deployment.stop()


@dataclass
class Stage:
    """One account, whose users are known by number."""

    accounts: Accounts
    users: Sequence[str]
    account_id: str

    async def carry_out(self, step: Step) -> Reply:
        """Ask for what the step says."""
        actor, target = self.users[step.actor], self.users[step.target]
        match step.what:
            case "create":
                return await self.accounts.add(actor, self.account_id, target, step.role)
            case "modify":
                return await self.accounts.modify(actor, self.account_id, target, step.role)
            case "remove":
                return await self.accounts.remove(actor, self.account_id, target)
            case "approve":
                return await self.accounts.approve(self.account_id, target)
            case "reject":
                return await self.accounts.reject(self.account_id, target)
            case "settle":
                return await self.accounts.settle(self.account_id)

    async def state(self) -> Model:
        """The account as the service shows it; its admins are those that its document has."""
        found = await self.accounts.roles(self.account_id)
        kept = await self.accounts.kept(self.account_id)
        by_number = {self.users.index(id): role for id, role in found.items()}
        model = Model(
            {number: role for number, (role, _) in by_number.items()},  # type: ignore[misc]
            UNCONFIRMED,
            frozenset(number for number, (_, pending) in by_number.items() if pending),
            kept["settled"],
        )
        assert {self.users[number] for number in model.admins} == set(kept["admins"])
        assert len(kept["admins"]) == len(set(kept["admins"])) > 0
        return model


@pytest.fixture(scope="module")
async def cast(deployment: Deployment) -> tuple[Accounts, list[str]]:
    """Users enough for every account of this module."""
    accounts = Accounts(Partner(deployment))
    return accounts, [await accounts.user(confirmed=n not in UNCONFIRMED) for n in USERS]


async def staged(cast: tuple[Accounts, list[str]]) -> Stage:
    """A new account in the state that everything starts with."""
    accounts, users = cast
    account_id = await accounts.open(users[0])
    await accounts.appoint(users[0], account_id, users[1])
    await accounts.add(users[0], account_id, users[2])
    await accounts.add(users[0], account_id, users[3], "member")
    return Stage(accounts, users, account_id)


@SETTINGS
@given(plan=many_steps)
async def test_one_after_another(cast: tuple[Accounts, list[str]], plan: list[Step]) -> None:
    """Each step has the outcome that the rules say, and the account is what they make of it."""
    stage, model = await staged(cast), START
    for step in plan:
        reply = await stage.carry_out(step)
        model, code = model.after(step)
        assert (reply.status == 200) == (code == ""), (step, reply.body)
        assert not code or reply.errors[0][0] == code
        if not code and step.what != "settle":
            expected = model.roles.get(step.target, "none")
            assert reply.done["role"] == expected
            pending = "admin" if step.target in model.pending else None
            assert reply.done.get("pending_role") == pending
    assert await stage.state() == model
    await folds_to_what_is_kept(stage)


@SETTINGS
@given(plan=rounds)
async def test_at_once(cast: tuple[Accounts, list[str]], plan: list[list[Step]]) -> None:
    """Steps that come at once have the outcome of some order of them."""
    stage, model = await staged(cast), START
    for together in plan:
        replies = await asyncio.gather(*(stage.carry_out(step) for step in together))
        done = [reply.status == 200 for reply in replies]
        found = await stage.state()
        outcomes = [in_order(model, together, order) for order in permutations(range(len(done)))]
        assert (found, done) in outcomes, (model, together, [reply.body for reply in replies])
        model = found
    await folds_to_what_is_kept(stage)


def in_order(
    model: Model, together: Sequence[Step], order: Sequence[int]
) -> tuple[Model, list[bool]]:
    """What comes of the steps in this order, and which of them succeed."""
    done = [False] * len(together)
    for position in order:
        model, code = model.after(together[position])
        done[position] = code == ""
    return model, done


async def folds_to_what_is_kept(stage: Stage) -> None:
    """The stream tells each change once, in order, and its last word is what the database has."""
    account = await stage.accounts.kept(stage.account_id)
    told = await stage.accounts.events(stage.account_id)
    assert told[-1]["aggregateversion"] == account["version"]
    assert told[-1]["data"]["admins"] == account["admins"]
    assert told[-1]["data"]["account"]["settled"] == account["settled"]
    types = [event["type"] for event in told]
    assert all(event["data"]["admins"] for event in told), "an account without an admin"
    assert types.count("account.settled") <= 1
    assert "account.settled" not in types[:-1], "admins changed after settlement"
    database = stage.accounts.partner.deployment.database
    kept = await database["memberships"].find({"account_id": stage.account_id}).to_list()
    assert len({document["user_id"] for document in kept}) == len(kept)
    changes = 0
    for document in kept:
        events = await stage.accounts.partner.events(document["_id"], document["version"])
        role, pending = folded(events, is_owner=document["user_id"] == account["owner_user_id"])
        assert (role, pending) == (document["role"], document["pending"])
        changes += admins_changed(events)
    assert types.count("account.admins_changed") == changes - 1  # the owner came with the account

    async def forgotten() -> bool:
        waiting = {"account_id": stage.account_id, "outbox.0": {"$exists": True}}
        return await database["memberships"].find_one(waiting) is None

    await eventually(forgotten, what="every outbox of the account is empty")


def folded(events: Sequence[Event], *, is_owner: bool) -> tuple[str, bool]:
    """Role and proposal that a membership's events come to; an admin is made by approval alone."""
    role, pending = "none", False
    for number, event in enumerate(events):
        now: dict[str, Any] = event["data"]["membership"]
        assert now["version"] == event["aggregateversion"] == number + 1
        if now["role"] == "admin" and role != "admin":
            assert event["type"] == "membership.approved" or (is_owner and number == 0)
            assert pending or (is_owner and number == 0)
        assert (event["type"] == "membership.removed") == (now["role"] == "none")
        assert (event["type"] == "membership.created") == (role == "none")
        role, pending = now["role"], now["pending_role"] is not None
    return role, pending


def admins_changed(events: Sequence[Event]) -> int:
    """How often the events made or unmade an admin."""
    admin = [event["data"]["membership"]["role"] == "admin" for event in events]
    return sum(before != after for before, after in zip([False, *admin], admin, strict=False))
