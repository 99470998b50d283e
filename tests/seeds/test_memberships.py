"""Seed 003, WePay's account membership: its examples, with UUIDs for its integers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.client import Partner
from tests.membership.accounts import Accounts

_TITLE = re.compile(r"^/account/membership/(\w+)$", re.MULTILINE)
_EXAMPLE = re.compile(r"^Example\n\n(\{\n.*?^\})", re.MULTILINE | re.DOTALL)


def read_examples() -> dict[str, list[dict[str, Any]]]:
    """The request and the response of each call, by its name."""
    text = (Path(__file__).parent / "003_memberships.txt").read_text()
    _, *parts = _TITLE.split(text)
    return {
        name: [json.loads(found[1]) for found in _EXAMPLE.finditer(part)]
        for name, part in zip(parts[::2], parts[1::2], strict=True)
    }


EXAMPLES = read_examples()


@pytest.fixture
def accounts(partner: Partner) -> Accounts:
    """The accounts of a partner of this test alone."""
    return Accounts(partner)


def with_ids(example: dict[str, Any], **ids: str) -> dict[str, Any]:
    """The example with these in the place of what it has under their names."""
    assert ids.keys() <= example.keys()
    return example | ids


def test_all_examples_are_found() -> None:
    """A request and a response for each of three calls."""
    assert {name: len(found) for name, found in EXAMPLES.items()} == {
        "create": 2,
        "modify": 2,
        "remove": 2,
    }


async def test_create(accounts: Accounts) -> None:
    """The context without `role: admin` is accepted; the user is a moderator."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    request, response = EXAMPLES["create"]
    body = with_ids(request, account_id=account_id, member_access_token=accounts.tokens[user])
    reply = await accounts.partner.ask("membership.create", body, accounts.tokens[owner])
    assert reply.done == with_ids(response, account_id=account_id, user_id=user)
    assert (await accounts.memberships(account_id))[user]["admin_context"] == body["admin_context"]


async def test_modify(accounts: Accounts) -> None:
    """The seed's reply comes with the approval; until then the role is the one the user has."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, user)
    request, response = EXAMPLES["modify"]
    ids = {"account_id": account_id, "user_id": user}
    body = with_ids(request, **ids)
    reply = await accounts.partner.ask("membership.modify", body, accounts.tokens[owner])
    assert reply.done == ids | {"role": "moderator", "pending_role": response["role"]}
    assert (await accounts.approve(account_id, user)).done == with_ids(response, **ids)
    again = await accounts.partner.ask("membership.modify", body, accounts.tokens[owner])
    assert again.done == with_ids(response, **ids)


async def test_remove(accounts: Accounts) -> None:
    """The role is none, in so many letters."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, user)
    request, response = EXAMPLES["remove"]
    ids = {"account_id": account_id, "user_id": user}
    reply = await accounts.partner.ask(
        "membership.remove", with_ids(request, **ids), accounts.tokens[owner]
    )
    assert reply.done == with_ids(response, **ids)
