"""Who may do what: each role and each kind of token, against each operation."""

from dataclasses import dataclass
from typing import Any

import pytest

from service.auth.scopes import ALL_SCOPES, Scope, TokenUse
from tests.client import Partner
from tests.deployment import Deployment
from tests.membership.accounts import CONTEXT, Accounts

DOMAIN = "0190a0a0-0000-7000-8000-000000000001"
ELSEWHERE = "0190a0a0-0000-7000-8000-000000000002"

OK = "ok"
ROLE = "NOT_ACCOUNT_ADMIN"
KIND = "WRONG_TOKEN_KIND"
SCOPE = "MISSING_SCOPE"
HIDDEN = "ACCOUNT_NOT_FOUND"
OUTSIDE = "OUTSIDE_DOMAIN"
EMPTY = "empty list"

ACTORS = (
    "admin",
    "admin's personal token",
    "admin's token of another domain",
    "moderator",
    "proposed admin",
    "member",
    "stranger",
    "user without scopes",
    "client",
    "client of the domain",
    "client of another domain",
    "client without scopes",
)
BY_ADMIN = (OK, OK, HIDDEN, ROLE, ROLE, ROLE, ROLE, ROLE, KIND, KIND, KIND, KIND)
BY_MODERATOR = (OK, OK, HIDDEN, OK, OK, ROLE, ROLE, ROLE, KIND, KIND, KIND, KIND)
BY_CLIENT = (*(KIND,) * 8, OK, OK, HIDDEN, SCOPE)
READ = (OK, OK, HIDDEN, OK, OK, OK, HIDDEN, SCOPE, OK, OK, HIDDEN, SCOPE)
LISTED = tuple(EMPTY if each == HIDDEN else each for each in READ)

# The "user without scopes" is a stranger too, where a role decides.
EXPECTED: dict[str, tuple[str, ...]] = {
    "account.create": (*(KIND,) * 8, OK, OK, OUTSIDE, SCOPE),
    "account.get": READ,
    "account.list": LISTED,
    "account.list of a user": LISTED,
    "account.record_settlement": BY_CLIENT,
    "membership.create": BY_MODERATOR,
    "membership.create a moderator": BY_MODERATOR,
    "membership.create an admin": BY_ADMIN,
    "membership.modify": BY_ADMIN,
    "membership.modify to admin": BY_ADMIN,
    "membership.modify an admin": BY_ADMIN,
    "membership.remove": BY_ADMIN,
    "membership.remove an admin": BY_ADMIN,
    "membership.approve": BY_CLIENT,
    "membership.reject": BY_CLIENT,
    "membership.list": LISTED,
    "membership.list of a user": LISTED,
    "membership.list of a user in it": LISTED,
    "membership.check": READ,
}
CASES = [
    (case, actor, outcome)
    for case, outcomes in EXPECTED.items()
    for actor, outcome in zip(ACTORS, outcomes, strict=True)
]


@dataclass
class Office:
    """Users for every part there is to play, and the tokens to play it with."""

    accounts: Accounts
    entity_id: str
    users: dict[str, str]
    tokens: dict[str, str]

    async def account(self) -> str:
        """A new account in which everybody has the role of their name."""
        account_id = await self.accounts.open(self.users["admin"], entity_id=self.entity_id)
        await self.accounts.appoint(self.users["admin"], account_id, self.users["second admin"])
        for name, role in (
            ("moderator", "moderator"),
            ("proposed admin", "admin"),
            ("member", "member"),
        ):
            await self.accounts.add(self.users["admin"], account_id, self.users[name], role)
        return account_id

    def request(self, case: str, account_id: str) -> dict[str, Any]:
        """The body of the case's request."""
        account, users = {"account_id": account_id}, self.users
        newcomer = {"member_access_token": self.accounts.tokens[users["newcomer"]]}
        admin = {"role": "admin", "admin_context": CONTEXT}
        member, second = {"user_id": users["member"]}, {"user_id": users["second admin"]}
        proposed = {"user_id": users["proposed admin"]}
        bodies: dict[str, dict[str, Any]] = {
            "account.create": {
                "name": "Bakery",
                "owner_user_id": users["admin"],
                "entity_id": self.entity_id,
            },
            "account.get": account,
            "account.list": {"entity_id": self.entity_id},
            "account.list of a user": second,
            "account.record_settlement": account,
            "membership.create": account | newcomer | {"role": "member"},
            "membership.create a moderator": account | newcomer,
            "membership.create an admin": account | newcomer | admin,
            "membership.modify": account | member | {"role": "moderator"},
            "membership.modify to admin": account | member | admin,
            "membership.modify an admin": account | second | {"role": "member"},
            "membership.remove": account | member,
            "membership.remove an admin": account | second,
            "membership.approve": account | proposed,
            "membership.reject": account | proposed | {"reason": "no papers"},
            "membership.list": account,
            "membership.list of a user": second,
            "membership.list of a user in it": account | second,
            "membership.check": account | second | {"permission": "VIEW"},
        }
        return bodies[case]


@pytest.fixture(scope="module")
async def office(deployment: Deployment) -> Office:
    """One partner's users, of an entity of a domain."""
    accounts = Accounts(Partner(deployment))
    partner = accounts.partner
    entity_id = await partner.entity()
    in_domain = {"$set": {"domain": DOMAIN}}
    await deployment.database["entities"].update_one({"_id": entity_id}, in_domain)
    names = (
        "admin",
        "second admin",
        "moderator",
        "proposed admin",
        "member",
        "stranger",
        "newcomer",
        "user without scopes",
    )
    users = {name: await accounts.user(entity_id=entity_id) for name in names}
    tokens = {name: accounts.tokens[id] for name, id in users.items()} | {
        "admin's personal token": partner.token(subject=users["admin"], use=TokenUse.PERSONAL),
        "admin's token of another domain": partner.token(
            subject=users["admin"], use=TokenUse.USER, domain=ELSEWHERE
        ),
        "user without scopes": partner.user_token(users["user without scopes"], scopes=()),
        "client": partner.token(),
        "client of the domain": partner.token(domain=DOMAIN),
        "client of another domain": partner.token(domain=ELSEWHERE),
        "client without scopes": partner.token(scopes=()),
    }
    return Office(accounts, entity_id, users, tokens)


@pytest.mark.parametrize(
    ("case", "actor", "outcome"), CASES, ids=[f"{case}-{actor}" for case, actor, _ in CASES]
)
async def test_rights(office: Office, case: str, actor: str, outcome: str) -> None:
    """A refusal is the one in the table, and leaves everything as it was."""
    account_id = await office.account()
    before = await office.accounts.memberships(account_id)
    title, _, _ = case.partition(" ")
    reply = await office.accounts.partner.ask(
        title, office.request(case, account_id), office.tokens[actor]
    )
    if outcome == EMPTY:
        assert reply.done == {"items": [], "next_cursor": None}
    elif outcome == OK:
        assert reply.done
        assert title not in {"account.list", "membership.list"} or reply.done["items"]
    else:
        assert reply.refusal[:2] == (404 if outcome == HIDDEN else 403, outcome)
    changed = title.startswith("membership.") and title not in {
        "membership.list",
        "membership.check",
    }
    after = await office.accounts.memberships(account_id)
    assert (after != before) == (outcome == OK and changed)


@pytest.mark.parametrize(
    ("case", "scope"),
    [
        ("account.create", Scope.WRITE_ACCOUNT),
        ("account.get", Scope.READ_ACCOUNT),
        ("account.list", Scope.READ_ACCOUNT),
        ("account.record_settlement", Scope.WRITE_ACCOUNT),
        ("membership.approve", Scope.APPROVE_MEMBERSHIP),
        ("membership.reject", Scope.APPROVE_MEMBERSHIP),
        ("membership.list", Scope.READ_ACCOUNT),
        ("membership.check", Scope.READ_ACCOUNT),
    ],
)
async def test_one_scope_is_needed_and_enough(office: Office, case: str, scope: Scope) -> None:
    """All scopes but the one do not help; the one alone does."""
    partner, body = office.accounts.partner, office.request(case, await office.account())
    for scopes, refused in (({*ALL_SCOPES} - {scope.value}, True), ({scope.value}, False)):
        reply = await partner.ask(case, body, partner.token(scopes=scopes))
        assert (reply.status == 403) == refused
        assert not refused or reply.refusal == (403, "MISSING_SCOPE", None)


async def test_admin_of_one_account_is_nobody_in_another(office: Office) -> None:
    """A role counts where it was given, whatever the user is elsewhere."""
    accounts, users = office.accounts, office.users
    theirs = await accounts.open(users["newcomer"])
    other = await accounts.user()
    refused = await accounts.add(users["admin"], theirs, other)
    assert refused.refusal == (403, "NOT_ACCOUNT_ADMIN", None)
    unknown = await accounts.add(users["admin"], DOMAIN, other)
    assert unknown.refusal == (404, "ACCOUNT_NOT_FOUND", "account_id")


async def test_module_can_be_off(deployment: Deployment) -> None:
    """Then none of the operations is there for the partner."""
    accounts = Accounts(Partner(deployment))
    owner = await accounts.user()
    document = {"_id": accounts.partner.name, "partner": accounts.partner.name, "outbox": []}
    off = document | {"version": 1, "modules": {"MEMBERSHIP": False}}
    await deployment.database["partners"].insert_one(off)
    for title, body in (
        ("account.create", {"name": "Bakery", "owner_user_id": owner}),
        ("membership.check", {"account_id": DOMAIN, "user_id": owner, "permission": "VIEW"}),
    ):
        refused = await accounts.partner.ask(title, body)
        assert refused.refusal == (405, "MODULE_NOT_ENABLED", None)
