"""account.list and membership.list: what is in them, for whom, in which order."""

from typing import Any

import pytest

from tests.client import Partner
from tests.membership.accounts import Accounts

NO_ONE = "018f0000-0000-7000-8000-000000000000"


async def listed(
    partner: Partner, title: str, body: dict[str, Any], token: str | None = None
) -> list[dict[str, Any]]:
    """All records of a list, two to a page."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = (await partner.ask(title, body | {"limit": 2, "cursor": cursor}, token)).done
        assert len(page["items"]) <= 2
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def test_accounts_are_listed_oldest_first(accounts: Accounts) -> None:
    """All of them, those of an entity, those that a user has a role in, and both at once."""
    one, two = await accounts.user(), await accounts.user()
    entity = accounts.entity_id
    of_one = [await accounts.open(one, entity_id=e) for e in (entity, None, entity)]
    of_two = [await accounts.open(two, entity_id=e) for e in (None, entity)]
    await accounts.add(two, of_two[1], one, "member")
    await accounts.add(two, of_two[0], one, "member")
    await accounts.remove(two, of_two[0], one)

    async def ids(**body: object) -> list[str]:
        items = await listed(accounts.partner, "account.list", body)
        return [account["account_id"] for account in items]

    assert await ids() == of_one + of_two
    assert await ids(entity_id=entity) == [of_one[0], of_one[2], of_two[1]]
    assert await ids(user_id=one) == [*of_one, of_two[1]]
    assert await ids(user_id=two) == of_two
    assert await ids(user_id=one, entity_id=entity) == [of_one[0], of_one[2], of_two[1]]
    assert await ids(user_id=NO_ONE) == []
    [first, *_] = await listed(accounts.partner, "account.list", {})
    got = await accounts.partner.ask("account.get", {"account_id": of_one[0]})
    assert first == got.done


async def test_user_lists_the_accounts_it_is_in(accounts: Accounts) -> None:
    """Its own; with another user's id, those that both are in."""
    one, two, nobody = [await accounts.user() for _ in range(3)]
    alone, shared, theirs = (
        await accounts.open(one),
        await accounts.open(one),
        await accounts.open(two),
    )
    await accounts.add(one, shared, two, "member")

    async def ids(token: str, **body: object) -> list[str]:
        items = await listed(accounts.partner, "account.list", body, accounts.tokens[token])
        return [account["account_id"] for account in items]

    assert await ids(one) == await ids(one, user_id=one) == [alone, shared]
    assert await ids(two) == [shared, theirs]
    assert await ids(one, user_id=two) == await ids(two, user_id=one) == [shared]
    assert await ids(nobody) == await ids(nobody, user_id=one) == []


async def test_user_lists_the_memberships_of_its_accounts(accounts: Accounts) -> None:
    """Everybody's in an account that it is in, nobody's in another."""
    one, two, three = [await accounts.user() for _ in range(3)]
    shared, theirs = await accounts.open(one), await accounts.open(two)
    await accounts.add(one, shared, two, "member")
    await accounts.add(two, theirs, three)

    async def seats(token: str, **body: object) -> list[tuple[str, str]]:
        items = await listed(accounts.partner, "membership.list", body, accounts.tokens[token])
        return [(each["account_id"], each["user_id"]) for each in items]

    assert await seats(two, account_id=shared) == [(shared, one), (shared, two)]
    assert await seats(two, user_id=two) == [(theirs, two), (shared, two)]
    assert await seats(one, user_id=two) == [(shared, two)]
    assert await seats(one, user_id=two, account_id=shared) == [(shared, two)]
    assert await seats(one, account_id=theirs) == []
    assert await seats(one, user_id=two, account_id=theirs) == []
    assert await seats(three, user_id=one) == []


@pytest.mark.parametrize("of", ["account_id", "user_id", "both"])
async def test_memberships_are_filtered(accounts: Accounts, of: str) -> None:
    """By role and by whether the user is proposed as an admin; the removed are in no list."""
    owner, user = await accounts.user(), await accounts.user()
    if of == "account_id":
        account_id = await accounts.open(owner)
        people = [await accounts.user() for _ in range(5)]
        for person, role in zip(people, ("member", None, "admin", "member", "member"), strict=True):
            await accounts.add(owner, account_id, person, role)
        await accounts.modify(owner, account_id, people[3], "admin")
        await accounts.remove(owner, account_id, people[4])
        whole = [(account_id, owner), *((account_id, person) for person in people[:4])]
    else:
        opened = [await accounts.open(user)]
        for role in ("member", None, "admin", "member", "member"):
            opened.append(await accounts.open(owner))
            await accounts.add(owner, opened[-1], user, role)
        await accounts.modify(owner, opened[4], user, "admin")
        await accounts.remove(owner, opened[5], user)
        whole = [(account_id, user) for account_id in opened[:5]]
    admin, member, moderator, proposed, both = whole

    async def seats(**body: object) -> list[tuple[str, str]]:
        found = []
        for account_id, user_id in dict.fromkeys(
            (
                account if of != "user_id" else None,
                person if of != "account_id" else None,
            )
            for account, person in whole
        ):
            ids = {"account_id": account_id, "user_id": user_id}
            asked = {name: id for name, id in ids.items() if id is not None} | body
            items = await listed(accounts.partner, "membership.list", asked)
            found += [(each["account_id"], each["user_id"]) for each in items]
        return found

    assert await seats() == whole
    assert await seats(role="admin") == [admin]
    assert await seats(role="member") == [member, both]
    assert await seats(role="moderator") == [moderator, proposed]
    assert await seats(pending=True) == [proposed, both]
    assert await seats(pending=False) == [admin, member, moderator]
    assert await seats(pending=True, role="member") == [both]
    assert await seats(pending=False, role="member") == [member]


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({}, "REQUIRED", "account_id"),
        ({"account_id": NO_ONE, "role": "none"}, "NOT_ALLOWED_VALUE", "role"),
        ({"account_id": NO_ONE, "pending": "yes"}, "INVALID_FORMAT", "pending"),
        ({"account_id": NO_ONE, "limit": 0}, "NOT_ALLOWED_VALUE", "limit"),
        ({"account_id": NO_ONE, "cursor": "bm9uZQ=="}, "INVALID_FORMAT", "cursor"),
        ({"user_id": NO_ONE, "cursor": "?"}, "INVALID_FORMAT", "cursor"),
    ],
)
async def test_wrong_list(partner: Partner, body: dict[str, Any], code: str, path: str) -> None:
    """What is wrong is named; a list of nothing in particular is no list."""
    assert (await partner.ask("membership.list", body)).refusal == (400, code, path)


async def test_cursor_is_of_its_list(accounts: Accounts) -> None:
    """One of accounts does not continue a list of memberships, nor the other way round."""
    owner = await accounts.user()
    opened = [await accounts.open(owner) for _ in range(2)]
    ask = accounts.partner.ask
    of_accounts = (await ask("account.list", {"limit": 1})).done["next_cursor"]
    of_user = (await ask("account.list", {"limit": 1, "user_id": owner})).done["next_cursor"]
    of_seats = (await ask("membership.list", {"limit": 1, "user_id": owner})).done["next_cursor"]
    for body, title in (
        ({"cursor": of_seats}, "account.list"),
        ({"cursor": of_seats, "user_id": owner}, "account.list"),
        ({"cursor": of_accounts, "user_id": owner}, "membership.list"),
    ):
        assert (await ask(title, body)).refusal == (400, "INVALID_FORMAT", "cursor")
    assert of_user == of_accounts
    page = (await ask("account.list", {"cursor": of_user, "user_id": owner})).done
    assert [each["account_id"] for each in page["items"]] == opened[1:]
