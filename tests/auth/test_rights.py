"""Which token may ask what: walked over the table of operations."""

from uuid import uuid4

import pytest

from service.app import OPERATIONS
from service.auth.scopes import ALL_SCOPES, ANYONE, CLIENTS, USER_SCOPES, USERS, Scope, TokenUse
from service.operation import Operation
from tests.client import BY_TITLE, Partner

CONTRACT = {
    "user.create": ("write:user", CLIENTS),
    "user.update": ("write:user", ANYONE),
    "user.list": ("read:user", ANYONE),
    "user.get": ("read:user", ANYONE),
    "user.me": ("read:user", USERS),
    "user.exists": ("read:user", CLIENTS),
    "user.set_contact_email": ("write:user", ANYONE),
    "user.get_contact_email": ("read:user", ANYONE),
    "user.deactivate": ("write:user", CLIENTS),
    "user.activate": ("write:user", CLIENTS),
    "entity.create": ("write:business", CLIENTS),
    "entity.get": ("read:business", CLIENTS),
    "account.create": ("write:account", CLIENTS),
    "account.get": ("read:account", ANYONE),
    "account.list": ("read:account", ANYONE),
    "account.record_settlement": ("write:account", CLIENTS),
    "membership.create": ("by role", USERS),
    "membership.modify": ("by role", USERS),
    "membership.remove": ("by role", USERS),
    "membership.approve": ("approve:membership", CLIENTS),
    "membership.reject": ("approve:membership", CLIENTS),
    "membership.list": ("read:account", ANYONE),
    "membership.check": ("read:account", ANYONE),
    "identity.get_person": ("read:person", ANYONE),
    "identity.create_consumer": ("write:person", ANYONE),
    "identity.update_consumer": ("write:person", ANYONE),
    "identity.get_consumer": ("read:person", ANYONE),
    "identity.list_consumers": ("read:person", ANYONE),
    "identity.create_dependent": ("write:person", ANYONE),
    "identity.update_dependent": ("write:person", ANYONE),
    "identity.list_dependents": ("read:person", ANYONE),
    "identity.create_authorized_signer": ("write:person", ANYONE),
    "identity.update_authorized_signer": ("write:person", ANYONE),
    "identity.list_authorized_signers": ("read:person", ANYONE),
    "identity.create_business_contact": ("write:person", ANYONE),
    "identity.update_business_contact": ("write:person", ANYONE),
    "identity.list_business_contacts": ("read:person", ANYONE),
    "identity.household": ("read:person", ANYONE),
    "identity.find_by_ssn": ("read:person", ANYONE),
    "verification.submit": ("write:verification", ANYONE),
    "verification.decide": ("decide:verification", CLIENTS),
    "verification.get": ("read:verification", ANYONE),
    "verification.list": ("read:verification", ANYONE),
    "preference.get": ("read:notifications", ANYONE),
    "preference.put": ("write:notifications", ANYONE),
    "preference.get_external": ("read:notifications", ANYONE),
    "preference.put_external": ("write:notifications", ANYONE),
    "preference.get_master": ("read:notifications", CLIENTS),
    "preference.put_master": ("admin:domain", CLIENTS),
    "preference.evaluate": ("read:notifications", ANYONE),
    "preference.catalogue": ("read:notifications", ANYONE),
    "privacy.history": ("read:audit", ANYONE),
    "privacy.access_log": ("read:audit", ANYONE),
    "privacy.export": ("admin:privacy", ANYONE),
    "privacy.erase": ("admin:privacy", CLIENTS),
}
OPEN_TO_USERS = {*USER_SCOPES, "by role"}
WITH_TOKEN = [each for each in OPERATIONS if each.scope != "public"]
WITH_SCOPE = [
    each
    for each in WITH_TOKEN
    if each.scope != "by role" and not (each.open_to_own and each.callers <= USERS)
]


def one_of_each(operation: Operation) -> TokenUse:
    """A kind of token that may ask."""
    return min(operation.callers)


@pytest.mark.parametrize("title", CONTRACT)
def test_contract(title: str) -> None:
    """The operations declare what the contract says."""
    operation = BY_TITLE[title]
    assert (operation.scope, operation.callers) == CONTRACT[title]


@pytest.mark.parametrize("use", TokenUse)
@pytest.mark.parametrize("operation", WITH_TOKEN, ids=lambda each: each.title)
async def test_kinds(partner: Partner, operation: Operation, use: TokenUse) -> None:
    """A kind of token that an operation is not for is refused, and any other gets further."""
    token = partner.token(subject=str(uuid4()), use=use)
    reply = await partner.ask(operation.title, {"no": "such field"}, token)
    if use not in operation.callers:
        assert reply.refusal == (403, "WRONG_TOKEN_KIND", None)
    elif (
        use is TokenUse.CLIENT
        or operation.open_to_own
        or {operation.scope, *operation.besides} <= OPEN_TO_USERS
    ):
        assert reply.refusal[0] == 400
    else:
        assert reply.refusal == (403, "MISSING_SCOPE", None)


@pytest.mark.parametrize("operation", WITH_SCOPE, ids=lambda each: each.title)
async def test_scopes(partner: Partner, operation: Operation) -> None:
    """The operation's scope is needed, and is enough; all others together are not."""
    use = one_of_each(operation)
    if not operation.besides:
        enough = partner.token(subject=str(uuid4()), use=use, scopes=[str(operation.scope)])
        reply = await partner.ask(operation.title, {"no": "such field"}, enough)
        assert reply.refusal[0] == 400
    for scopes in (ALL_SCOPES - {str(operation.scope)}, frozenset[str]()):
        token = partner.token(subject=str(uuid4()), use=use, scopes=scopes)
        refused = await partner.ask(operation.title, {}, token)
        assert refused.refusal == (403, "MISSING_SCOPE", None)
        assert refused.body["errors"][0]["arguments"] == [operation.scope]


@pytest.mark.parametrize("operation", WITH_TOKEN, ids=lambda each: each.title)
async def test_no_token(partner: Partner, operation: Operation) -> None:
    """Without a token nothing is told, not even what is wrong with the request."""
    reply = await partner.ask(operation.title, {"no": "such field"}, token="")
    assert reply.refusal == (401, "UNAUTHENTICATED", None)


@pytest.mark.parametrize("use", sorted(USERS))
async def test_user_is_cut_to_its_own(partner: Partner, use: TokenUse) -> None:
    """A user's token, whatever its scopes, reads and changes its user, and nobody else."""
    user_id, neighbour = await partner.user(), await partner.user()
    token = partner.token(subject=user_id, use=use, scopes=ALL_SCOPES)
    email = "me.myself@example.com"
    for title, extra in (
        ("user.get", {}),
        ("user.set_contact_email", {"email": email}),
        ("user.get_contact_email", {}),
        ("user.update", {"title": "Dr"}),
    ):
        assert (await partner.ask(title, {"user_id": user_id} | extra, token)).done
        other = await partner.ask(title, {"user_id": neighbour} | extra, token)
        assert other.refusal == (404, "USER_NOT_FOUND", "user_id")
    events = await partner.events(user_id, 3)
    assert [event["actor"] for event in events[1:]] == [user_id, user_id]


async def test_user_of_another_partner(partner: Partner) -> None:
    """A token for a partner reaches a user of another one no more than anybody's would."""
    stranger = await Partner(partner.deployment).user()
    token = partner.user_token(stranger)
    for title, body in (("user.me", {}), ("user.get", {"user_id": stranger})):
        reply = await partner.ask(title, body, token)
        assert reply.refusal == (404, "USER_NOT_FOUND", "user_id")


def test_list_of_scopes_is_closed() -> None:
    """The scopes are those of the contract, and so are those that a user's token may have."""
    both = {
        kind: {f"read:{kind}", f"write:{kind}"}
        for kind in ("user", "business", "person", "account", "notifications", "verification")
    }
    single = {"read:sensitive", "read:audit", "approve:membership", "decide:verification"}
    single |= {"admin:domain", "admin:privacy"}
    assert {scope.value for scope in Scope} == set().union(*both.values()) | single
    of_users = both["user"] | both["notifications"] | {"read:person", "read:account"}
    assert {scope.value for scope in USER_SCOPES} == of_users
