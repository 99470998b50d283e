"""Two workers, many clients, one account: no rule is broken by coming at the same time."""

import asyncio
from collections import Counter
from itertools import product

import pytest

from tests.client import Partner, Reply
from tests.deployment import Deploy
from tests.membership.accounts import Accounts

CLIENTS = 32
ADMINS = 6


@pytest.fixture
async def accounts(deploy: Deploy) -> Accounts:
    """Accounts of two workers."""
    return Accounts(Partner(await deploy(2)))


def outcomes(replies: list[Reply]) -> Counter[str]:
    """How often each code came, "" for success."""
    return Counter("" if each.status == 200 else each.errors[0][0] for each in replies)


@pytest.mark.parametrize("how", ["remove", "demote", "both"])
async def test_one_admin_is_left(accounts: Accounts, how: str) -> None:
    """Every admin tries to be rid of every admin, itself included: one stays."""
    admins = [await accounts.user() for _ in range(ADMINS)]
    for _ in range(3):
        account_id = await accounts.open(admins[0])
        for each in admins[1:]:
            await accounts.appoint(admins[0], account_id, each)
        attempts = []
        for number, (acting, other) in enumerate(product(admins, admins)):
            if how == "remove" or (how == "both" and number % 2):
                attempts.append(accounts.remove(acting, account_id, other))
            else:
                attempts.append(accounts.modify(acting, account_id, other, "member"))
        found = outcomes(await asyncio.gather(*attempts))
        assert found.keys() <= {"", "LAST_ADMIN", "NOT_ACCOUNT_ADMIN", "MEMBERSHIP_NOT_FOUND"}
        kept = await accounts.kept(account_id)
        [last] = kept["admins"]
        roles = await accounts.roles(account_id)
        assert [user for user, (role, _) in roles.items() if role == "admin"] == [last]
        told = await accounts.events(account_id)
        left = [len(event["data"]["admins"]) for event in told]
        assert left == [*range(1, ADMINS + 1), *range(ADMINS - 1, 0, -1)]
        assert (await accounts.remove(last, account_id, last)).refusal[1] == "LAST_ADMIN"
    assert min(accounts.partner.deployment.answered) > 0


async def test_user_is_added_once(accounts: Accounts) -> None:
    """Of all who add it at once one does, also when it had been removed before."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    for _ in range(4):
        attempts = [accounts.add(owner, account_id, user) for _ in range(CLIENTS)]
        found = outcomes(await asyncio.gather(*attempts))
        assert found == {"": 1, "ALREADY_MEMBER": CLIENTS - 1}
        assert (await accounts.remove(owner, account_id, user)).done
    memberships = accounts.partner.deployment.database["memberships"]
    assert await memberships.count_documents({"user_id": user}) == 1


async def test_one_key_is_one_creation(accounts: Accounts) -> None:
    """All retries at once have the same reply, for a new user and for one added again."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    for number in range(4):
        attempts = [
            accounts.add(owner, account_id, user, idempotency_key=f"key-{number}")
            for _ in range(CLIENTS)
        ]
        replies = await asyncio.gather(*attempts)
        assert {reply.version for reply in replies} == {2 * number + 1}
        assert all(reply.done == replies[0].done for reply in replies)
        first = [reply for reply in replies if "Idempotency-Replayed" not in reply.headers]
        assert len(first) == 1
        assert (await accounts.remove(owner, account_id, user)).done


async def test_one_key_is_one_account(accounts: Accounts) -> None:
    """All retries of one creation at once make one account."""
    owner = await accounts.user()
    body = {"name": "Bakery", "owner_user_id": owner}
    ask = accounts.partner.ask
    attempts = [ask("account.create", body, idempotency_key="one") for _ in range(CLIENTS)]
    replies = await asyncio.gather(*attempts)
    assert all(reply.done == replies[0].done for reply in replies)
    assert len((await ask("account.list")).done["items"]) == 1
    assert len((await ask("membership.list", {"user_id": owner})).done["items"]) == 1


async def test_admins_do_not_change_beside_settlement(accounts: Accounts) -> None:
    """What came before the settlement is there; what came after it is refused."""
    owner, second, third = [await accounts.user() for _ in range(3)]
    for _ in range(8):
        account_id = await accounts.open(owner)
        await accounts.appoint(owner, account_id, second)
        await accounts.add(owner, account_id, third, "admin")
        approved, settled, demoted = await asyncio.gather(
            accounts.approve(account_id, third),
            accounts.settle(account_id),
            accounts.modify(owner, account_id, second, "member"),
        )
        assert settled.done["settled"]
        for reply in (approved, demoted):
            assert reply.status == 200 or reply.refusal == (409, "FUNDS_SETTLED", None)
        kept = await accounts.kept(account_id)
        assert (third in kept["admins"]) == (approved.status == 200)
        assert (second in kept["admins"]) == (demoted.status != 200)
        told = await accounts.events(account_id)
        assert told[-1]["type"] == "account.settled"


async def test_many_change_different_users(accounts: Accounts) -> None:
    """Those who change different users of one account do not stand in each other's way."""
    owner = await accounts.user()
    users = [await accounts.user() for _ in range(CLIENTS)]
    account_id = await accounts.open(owner)
    added = await asyncio.gather(*(accounts.add(owner, account_id, user) for user in users))
    assert outcomes(list(added)) == {"": CLIENTS}
    changed = await asyncio.gather(
        *(accounts.modify(owner, account_id, user, "member") for user in users)
    )
    assert outcomes(list(changed)) == {"": CLIENTS}
    roles = await accounts.roles(account_id)
    assert roles == {owner: ("admin", None)} | dict.fromkeys(users, ("member", None))


async def test_one_owner_of_many_accounts(accounts: Accounts) -> None:
    """Accounts of one owner that are made at once are all made."""
    owner = await accounts.user()
    body = {"name": "Bakery", "owner_user_id": owner}
    made = await asyncio.gather(*(accounts.partner.ask("account.create", body) for _ in range(48)))
    assert outcomes(list(made)) == {"": 48}


async def test_one_user_becomes_admin_of_many_accounts(accounts: Accounts) -> None:
    """A user who is approved in many accounts at once is an admin of all of them."""
    owner, user = await accounts.user(), await accounts.user()
    ids = [await accounts.open(owner) for _ in range(48)]
    for id in ids:
        assert (await accounts.add(owner, id, user, "admin")).done
    approved = await asyncio.gather(*(accounts.approve(id, user) for id in ids))
    assert outcomes(list(approved)) == {"": 48}
