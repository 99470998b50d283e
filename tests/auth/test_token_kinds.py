"""Kinds of token: for every operation there is, the kinds that it is not for are refused."""

from uuid import uuid4

import pytest

from service.app import OPERATIONS
from service.auth.scopes import ANYONE, CLIENTS, USERS, TokenUse
from service.operation import Operation
from tests.client import Partner

CLIENTS_ONLY = {
    "user.create",
    "user.exists",
    "user.deactivate",
    "user.activate",
    "user.signup",
    "user.send_confirmation",
    "entity.create",
    "entity.get",
}
USERS_ONLY = {"user.me"}
PUBLIC = {"token.issue", "token.revoke", "token.jwks"}
ANYONES = {
    "user.update",
    "user.list",
    "user.get",
    "user.set_contact_email",
    "user.get_contact_email",
    "user.confirm",
    "profile.create",
    "profile.get",
    "profile.list",
}
TABLE = (
    dict.fromkeys(CLIENTS_ONLY, CLIENTS)
    | dict.fromkeys(USERS_ONLY, USERS)
    | dict.fromkeys(ANYONES, ANYONE)
)
"""Who may ask what, as the contract has it."""

ASKING = [operation for operation in OPERATIONS if operation.scope != "public"]
"""The operations that ask for a token."""


@pytest.mark.parametrize("title", sorted(TABLE))
def test_declared_as_the_contract_says(title: str) -> None:
    """Each operation is for the kinds of token that the contract says."""
    [operation] = [each for each in OPERATIONS if each.title == title]
    assert operation.callers == TABLE[title]


def test_public_operations() -> None:
    """What may be asked without a token is what the contract calls public, and no more."""
    assert {each.title for each in OPERATIONS if each.scope == "public"} == PUBLIC


@pytest.mark.parametrize("use", TokenUse)
@pytest.mark.parametrize("operation", ASKING, ids=lambda operation: operation.title)
async def test_kinds(partner: Partner, operation: Operation, use: TokenUse) -> None:
    """A kind that the operation is not for is a 403, whatever the body; the others are let in."""
    reply = await partner.ask(operation.title, b"[]", partner.token(subject=str(uuid4()), use=use))
    if use in operation.callers:
        assert reply.refusal[1] in {"INVALID_JSON", "MISSING_SCOPE"}
    else:
        assert reply.refusal == (403, "WRONG_TOKEN_KIND", None)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.title)
async def test_no_token(partner: Partner, operation: Operation) -> None:
    """Without a token only public operations look at the body."""
    reply = await partner.ask(operation.title, b"[]", token="")
    expected = (400, "INVALID_JSON") if operation.scope == "public" else (401, "UNAUTHENTICATED")
    assert reply.refusal[:2] == expected
