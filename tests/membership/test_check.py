"""membership.check: what each role allows, and who may ask."""

import asyncio

import pytest

from tests.client import Partner
from tests.membership.accounts import Accounts

NO_ONE = "018f0000-0000-7000-8000-000000000000"
DOMAIN = "0190a0a0-0000-7000-8000-000000000001"

ALLOWED = {
    "admin": {"VIEW", "CHANGE", "KYC_AND_BANKING"},
    "moderator": {"VIEW", "CHANGE"},
    "member": {"VIEW"},
    "none": set[str](),
}


async def allowed(
    accounts: Accounts, account_id: str, user_id: str, token: str | None = None
) -> tuple[str, set[str]]:
    """The user's role, and what it allows."""
    given, roles = set(), set()
    for permission in ("VIEW", "CHANGE", "KYC_AND_BANKING"):
        body = {"account_id": account_id, "user_id": user_id, "permission": permission}
        answer = (await accounts.partner.ask("membership.check", body, token)).done
        roles.add(answer["role"])
        given |= {permission} if answer["allowed"] else set()
    [role] = roles
    return role, given


@pytest.mark.parametrize("role", ["admin", "moderator", "member", "none"])
async def test_role_says_what_is_allowed(accounts: Accounts, role: str) -> None:
    """Asked by a client, by another user of the account, by the user itself."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    if role == "admin":
        await accounts.appoint(owner, account_id, user)
    elif role != "none":
        await accounts.add(owner, account_id, user, role)
    expected = (role, ALLOWED[role])
    assert await allowed(accounts, account_id, user) == expected
    if role != "none":
        assert await allowed(accounts, account_id, user, accounts.tokens[owner]) == expected
        assert await allowed(accounts, account_id, user, accounts.tokens[user]) == expected


async def test_changes_are_there_at_once(accounts: Accounts) -> None:
    """A proposal allows nothing more; removal, and being added again, count from the next check."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, user, "admin")
    assert await allowed(accounts, account_id, user) == ("moderator", ALLOWED["moderator"])
    await accounts.modify(owner, account_id, user, "member")
    assert await allowed(accounts, account_id, user) == ("member", ALLOWED["member"])
    await accounts.remove(owner, account_id, user)
    assert await allowed(accounts, account_id, user) == ("none", set())
    await accounts.add(owner, account_id, user)
    assert await allowed(accounts, account_id, user) == ("moderator", ALLOWED["moderator"])


async def test_inactive_user_is_allowed_nothing(accounts: Accounts) -> None:
    """From the moment of its deactivation; its role stays, and counts again later."""
    owner = await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.partner.ask("user.deactivate", {"user_id": owner})
    assert await allowed(accounts, account_id, owner) == ("admin", set())
    await accounts.partner.ask("user.activate", {"user_id": owner})
    assert await allowed(accounts, account_id, owner) == ("admin", ALLOWED["admin"])


async def test_what_is_not_there(accounts: Accounts) -> None:
    """An account or a user that the caller cannot know of is not there."""
    owner, stranger = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    other = Accounts(Partner(accounts.partner.deployment))
    foreign = await other.user()
    body = {"account_id": account_id, "user_id": owner, "permission": "VIEW"}
    ask = accounts.partner.ask
    no_account = (404, "ACCOUNT_NOT_FOUND", "account_id")
    no_user = (404, "USER_NOT_FOUND", "user_id")
    check = "membership.check"
    assert (await ask(check, body | {"account_id": NO_ONE})).refusal == no_account
    assert (await other.partner.ask(check, body)).refusal == no_account
    assert (await ask(check, body | {"user_id": NO_ONE})).refusal == no_user
    assert (await ask(check, body | {"user_id": foreign})).refusal == no_user
    refused = await ask(check, body | {"user_id": stranger}, accounts.tokens[owner])
    assert refused.refusal == no_user
    assert (await ask(check, body, accounts.tokens[stranger])).refusal == no_account


async def test_domain_sees_who_has_a_role(accounts: Accounts) -> None:
    """A user from elsewhere with a role in the domain's account, but no other user from there."""
    partner, entity_id = accounts.partner, await accounts.partner.entity()
    in_domain = {"$set": {"domain": DOMAIN}}
    await partner.deployment.database["entities"].update_one({"_id": entity_id}, in_domain)
    owner, unseen = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner, entity_id=entity_id)
    token = partner.token(domain=DOMAIN)
    assert await allowed(accounts, account_id, owner, token) == ("admin", ALLOWED["admin"])
    body = {"account_id": account_id, "user_id": unseen, "permission": "VIEW"}
    refused = await partner.ask("membership.check", body, token)
    assert refused.refusal == (404, "USER_NOT_FOUND", "user_id")


async def test_permission_is_one_of_three(partner: Partner) -> None:
    """And is asked for by its whole name."""
    body = {"account_id": NO_ONE, "user_id": NO_ONE, "permission": "view"}
    refused = await partner.ask("membership.check", body)
    assert refused.refusal == (400, "NOT_ALLOWED_VALUE", "permission")


async def test_many_checks_are_few_queries(accounts: Accounts) -> None:
    """A check is one query; those that come at once share theirs."""
    users = [await accounts.user() for _ in range(8)]
    account_id = await accounts.open(users[0])
    for user in users[1:]:
        await accounts.add(users[0], account_id, user)
    checks = [
        {"account_id": account_id, "user_id": user, "permission": "VIEW"} for user in users
    ] * 8
    database = accounts.partner.deployment.database
    await accounts.partner.ask("membership.check", checks[0])  # the account is remembered from here
    asked = {"op": "command", "command.aggregate": "users"}
    await database.command({"profile": 2, "filter": {"ns": {"$regex": r"\.(users|memberships)$"}}})
    await accounts.partner.ask("membership.check", checks[0])
    assert await database["system.profile"].count_documents(asked) == 1
    ask = accounts.partner.ask
    replies = await asyncio.gather(*(ask("membership.check", body) for body in checks))
    assert all(reply.done["allowed"] for reply in replies)
    assert await database["system.profile"].count_documents(asked) <= 1 + len(checks) // 2
    await database.command({"profile": 0})
