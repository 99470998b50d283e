"""svc.membership: roles given, changed and taken away, and how one becomes an admin."""

import pytest

from service.auth.scopes import TokenUse
from tests.client import is_uuid
from tests.eventually import eventually
from tests.membership.accounts import CONTEXT, Accounts

NO_ONE = "018f0000-0000-7000-8000-000000000000"


async def test_new_user_is_moderator(accounts: Accounts) -> None:
    """Where the request says nothing of the role; the one event tells of it."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    reply = await accounts.add(owner, account_id, user)
    assert reply.done == {"account_id": account_id, "user_id": user, "role": "moderator"}
    assert reply.version == 1
    membership = (await accounts.memberships(account_id))[user]
    assert is_uuid(membership["membership_id"])
    assert membership | {"membership_id": "", "created_at": "", "updated_at": ""} == {
        "membership_id": "",
        "account_id": account_id,
        "user_id": user,
        "role": "moderator",
        "pending_role": None,
        "admin_context": None,
        "created_at": "",
        "updated_at": "",
        "version": 1,
    }
    [event] = await accounts.partner.events(membership["membership_id"], 1)
    assert (event["type"], event["actor"]) == ("membership.created", owner)
    assert event["data"] == {
        "membership_id": membership["membership_id"],
        "account_id": account_id,
        "user_id": user,
        "changed": ["role"],
        "membership": membership,
    }
    assert (await accounts.kept(account_id))["version"] == 1


async def test_admin_is_proposed_then_approved(accounts: Accounts) -> None:
    """Until then a moderator; then an admin, with an event of the account too."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    ids = {"account_id": account_id, "user_id": user}
    proposed = await accounts.add(owner, account_id, user, "admin")
    assert proposed.done == ids | {"role": "moderator", "pending_role": "admin"}
    assert (await accounts.memberships(account_id))[user]["admin_context"] == CONTEXT
    approved = await accounts.approve(account_id, user)
    assert approved.done == ids | {"role": "admin"}
    assert approved.version == 2
    membership = (await accounts.memberships(account_id))[user]
    created, became = await accounts.partner.events(membership["membership_id"], 2)
    assert created["data"]["changed"] == ["admin_context", "pending_role", "role"]
    assert created["data"]["membership"]["pending_role"] == "admin"
    assert became["type"] == "membership.approved"
    assert became["data"]["changed"] == ["pending_role", "role"]
    assert became["data"]["membership"] == membership
    assert became["data"]["reason"] is None
    opened, changed = await accounts.events(account_id)
    assert (opened["type"], opened["data"]["admins"]) == ("account.created", [owner])
    assert changed["type"] == "account.admins_changed"
    assert changed["data"]["changed"] == ["admins"]
    assert changed["data"]["admins"] == [owner, user]


async def test_existing_user_keeps_its_role_until_approved(accounts: Accounts) -> None:
    """Proposing changes nothing but that it is proposed; rejecting not even that."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, user, "member")
    proposed = await accounts.modify(owner, account_id, user, "admin")
    assert proposed.done["role"] == "member"
    assert proposed.done["pending_role"] == "admin"
    rejected = await accounts.reject(account_id, user)
    assert rejected.done == {"account_id": account_id, "user_id": user, "role": "member"}
    membership = (await accounts.memberships(account_id))[user]
    assert (membership["pending_role"], membership["admin_context"]) == (None, None)
    *_, event = await accounts.partner.events(membership["membership_id"], 3)
    assert event["type"] == "membership.rejected"
    assert event["data"]["reason"] == "no papers"
    assert (await accounts.approve(account_id, user)).refusal == (409, "NOT_PENDING", "user_id")
    assert (await accounts.reject(account_id, user)).refusal == (409, "NOT_PENDING", "user_id")
    assert (await accounts.kept(account_id))["version"] == 1


async def test_removed_user_is_no_member(accounts: Accounts) -> None:
    """Its role is none, in the reply and for every operation after."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, user, "admin")
    removed = await accounts.remove(owner, account_id, user)
    assert removed.done == {"account_id": account_id, "user_id": user, "role": "none"}
    assert set(await accounts.memberships(account_id)) == {owner}
    for again in (
        await accounts.remove(owner, account_id, user),
        await accounts.modify(owner, account_id, user, "member"),
        await accounts.approve(account_id, user),
        await accounts.reject(account_id, user),
    ):
        assert again.refusal == (404, "MEMBERSHIP_NOT_FOUND", "user_id")
    assert (await accounts.add(user, account_id, user)).refusal[1] == "NOT_ACCOUNT_ADMIN"


async def test_added_again_is_the_same_membership(accounts: Accounts) -> None:
    """Whatever happened to a user in an account is one aggregate, its events in one order."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, user, "member")
    first = (await accounts.memberships(account_id))[user]
    await accounts.remove(owner, account_id, user)
    again = await accounts.add(owner, account_id, user)
    assert again.version == 3
    second = (await accounts.memberships(account_id))[user]
    assert second["membership_id"] == first["membership_id"]
    assert second["created_at"] == first["created_at"]
    events = await accounts.partner.events(first["membership_id"], 3)
    assert [event["type"] for event in events] == [
        "membership.created",
        "membership.removed",
        "membership.created",
    ]
    assert [event["data"]["membership"]["role"] for event in events] == [
        "member",
        "none",
        "moderator",
    ]


async def test_each_key_keeps_its_own_reply(accounts: Accounts) -> None:
    """Also of a user who was removed and added again: no repeat adds anybody by itself."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    first = await accounts.add(owner, account_id, user, "member", idempotency_key="one")
    await accounts.remove(owner, account_id, user)
    second = await accounts.add(owner, account_id, user, "moderator", idempotency_key="two")
    await accounts.remove(owner, account_id, user)
    for key, role, made in (("one", "member", first), ("two", "moderator", second)):
        repeated = await accounts.add(owner, account_id, user, role, idempotency_key=key)
        assert repeated.done == made.done
        assert repeated.version == made.version
        assert repeated.headers["Idempotency-Replayed"] == "true"
    assert user not in await accounts.memberships(account_id)
    other = await accounts.add(owner, account_id, user, "member", idempotency_key="two")
    assert other.refusal == (409, "IDEMPOTENCY_KEY_REUSED", None)


async def test_already_member(accounts: Accounts) -> None:
    """Whatever role it has and whatever role is asked for."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, user, "member")
    for role in (None, "member", "moderator", "admin"):
        refused = await accounts.add(owner, account_id, user, role)
        assert refused.refusal == (409, "ALREADY_MEMBER", "member_access_token")


async def test_same_role_is_no_change(accounts: Accounts) -> None:
    """The same reply, the same version, no event; for an admin also after settlement."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, user, "member")
    for _ in range(2):
        reply = await accounts.modify(owner, account_id, user, "member")
        assert reply.done == {"account_id": account_id, "user_id": user, "role": "member"}
        assert reply.version == 1
    await accounts.modify(owner, account_id, user, "admin")
    repeated = await accounts.modify(owner, account_id, user, "admin")
    assert repeated.done["pending_role"] == "admin"
    assert repeated.version == 2
    await accounts.settle(account_id)
    assert (await accounts.modify(owner, account_id, owner, "admin")).done["role"] == "admin"
    membership_id = (await accounts.memberships(account_id))[user]["membership_id"]
    assert len(await accounts.partner.events(membership_id, 2)) == 2


async def test_another_role_withdraws_the_proposal(accounts: Accounts) -> None:
    """The admin's last word on a user is not overtaken by an approval that comes later."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, user, "admin")
    reply = await accounts.modify(owner, account_id, user, "member")
    assert reply.done == {"account_id": account_id, "user_id": user, "role": "member"}
    assert (await accounts.approve(account_id, user)).refusal[1] == "NOT_PENDING"


async def test_who_has_not_confirmed_is_no_admin(accounts: Accounts) -> None:
    """Neither proposed nor approved, nor an owner."""
    owner, user = await accounts.user(), await accounts.user(confirmed=False)
    account_id = await accounts.open(owner)
    refused = await accounts.add(owner, account_id, user, "admin")
    assert refused.refusal == (409, "USER_NOT_CONFIRMED", "member_access_token")
    assert (await accounts.add(owner, account_id, user, "member")).done
    refused = await accounts.modify(owner, account_id, user, "admin")
    assert refused.refusal == (409, "USER_NOT_CONFIRMED", "user_id")
    await accounts.set_confirmed(user, True)
    assert (await accounts.modify(owner, account_id, user, "admin")).done
    await accounts.set_confirmed(user, False)
    refused = await accounts.approve(account_id, user)
    assert refused.refusal == (409, "USER_NOT_CONFIRMED", "user_id")
    await accounts.set_confirmed(user, True)
    assert (await accounts.approve(account_id, user)).done


async def test_admins_stay_once_funds_are_settled(accounts: Accounts) -> None:
    """None is proposed, approved, demoted or removed; the other roles change as before."""
    owner, second, proposed, member, other = [await accounts.user() for _ in range(5)]
    account_id = await accounts.open(owner)
    await accounts.appoint(owner, account_id, second)
    await accounts.add(owner, account_id, proposed, "admin")
    await accounts.add(owner, account_id, member, "member")
    await accounts.settle(account_id)
    before = await accounts.roles(account_id)
    for refused in (
        await accounts.add(owner, account_id, other, "admin"),
        await accounts.modify(owner, account_id, member, "admin"),
        await accounts.approve(account_id, proposed),
        await accounts.modify(owner, account_id, second, "moderator"),
        await accounts.remove(owner, account_id, second),
        await accounts.remove(second, account_id, second),
    ):
        assert refused.refusal == (409, "FUNDS_SETTLED", None)
    assert await accounts.roles(account_id) == before
    assert (await accounts.modify(owner, account_id, member, "moderator")).done
    assert (await accounts.add(owner, account_id, other)).done
    assert (await accounts.reject(account_id, proposed)).done
    assert (await accounts.remove(owner, account_id, proposed)).done


async def test_last_admin_stays(accounts: Accounts) -> None:
    """It can be neither demoted nor removed; a user who is only proposed does not count."""
    owner, second = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, second, "admin")
    for refused in (
        await accounts.modify(owner, account_id, owner, "member"),
        await accounts.remove(owner, account_id, owner),
    ):
        assert refused.refusal == (409, "LAST_ADMIN", None)
    await accounts.approve(account_id, second)
    assert (await accounts.remove(second, account_id, owner)).done["role"] == "none"
    assert (await accounts.remove(second, account_id, second)).refusal[1] == "LAST_ADMIN"
    kept = await accounts.kept(account_id)
    assert (kept["admins"], kept["owner_user_id"]) == ([second], owner)


@pytest.mark.parametrize(
    ("context", "code", "path"),
    [
        (None, "REQUIRED", "admin_context"),
        ({}, "REQUIRED", "admin_context.reason"),
        ({"reason": "boredom"}, "NOT_ALLOWED_VALUE", "admin_context.reason"),
        ({"reason": "other"}, "REQUIRED", "admin_context.explanation"),
        ({"reason": "other", "explanation": None}, "REQUIRED", "admin_context.explanation"),
        ({"reason": "other", "explanation": " "}, "REQUIRED", "admin_context.explanation"),
        ({"reason": "other_organizer"}, "REQUIRED", "admin_context.explanation"),
        (
            {"reason": "other", "explanation": "x" * 1025},
            "TOO_LONG",
            "admin_context.explanation",
        ),
        ({"reason": "beneficiary", "by": "me"}, "UNKNOWN_FIELD", "admin_context.by"),
    ],
)
async def test_admin_needs_a_context(
    accounts: Accounts, context: object, code: str, path: str
) -> None:
    """A reason of three, explained unless it is `beneficiary`."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    token, ask = accounts.tokens[owner], accounts.partner.ask
    body = {"account_id": account_id, "role": "admin"}
    if context is not None:
        body["admin_context"] = context  # type: ignore[assignment]  # wrong on purpose
    added = body | {"member_access_token": accounts.tokens[user]}
    assert (await ask("membership.create", added, token)).refusal == (400, code, path)
    changed = body | {"user_id": user}
    assert (await ask("membership.modify", changed, token)).refusal == (400, code, path)


async def test_beneficiary_explains_nothing(accounts: Accounts) -> None:
    """The reason is enough; without `role: admin` a context is accepted and kept."""
    owner, user, other = [await accounts.user() for _ in range(3)]
    account_id = await accounts.open(owner)
    body = {"account_id": account_id, "admin_context": {"reason": "beneficiary"}}
    for each, role in ((user, {"role": "admin"}), (other, {})):
        request = body | role | {"member_access_token": accounts.tokens[each]}
        assert (
            await accounts.partner.ask("membership.create", request, accounts.tokens[owner])
        ).done
        kept = (await accounts.memberships(account_id))[each]["admin_context"]
        assert kept == {"reason": "beneficiary", "explanation": None}


async def test_changes_obey_if_match(accounts: Accounts) -> None:
    """Another version is a conflict and changes nothing; the reply says the next one."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, user, "admin")
    for refused in (
        await accounts.modify(owner, account_id, user, "member", if_match="2"),
        await accounts.remove(owner, account_id, user, if_match="2"),
        await accounts.approve(account_id, user, if_match="2"),
        await accounts.reject(account_id, user, if_match="2"),
    ):
        assert refused.refusal == (409, "VERSION_CONFLICT", None)
    assert (await accounts.approve(account_id, user, if_match="1")).version == 2
    assert (await accounts.remove(owner, account_id, user, if_match='"2"')).version == 3


async def test_acting_user_who_is_inactive_does_nothing(accounts: Accounts) -> None:
    """Not even in the seconds in which a worker may still know its token as good."""
    owner, user, other = [await accounts.user() for _ in range(3)]
    account_id = await accounts.open(owner)
    assert (await accounts.add(owner, account_id, user)).done
    assert (await accounts.add(user, account_id, other)).done
    users = accounts.partner.deployment.database["users"]
    await users.update_one({"_id": {"$in": [owner, user]}}, {"$set": {"active": False}})
    for refused in (
        await accounts.add(owner, account_id, other),
        await accounts.modify(owner, account_id, other, "member"),
        await accounts.remove(owner, account_id, other),
    ):
        assert refused.refusal == (401, "UNAUTHENTICATED", None)


async def test_inactive_user_becomes_no_admin(accounts: Accounts) -> None:
    """Nor the owner of an account."""
    owner, user = await accounts.user(), await accounts.user()
    account_id = await accounts.open(owner)
    await accounts.add(owner, account_id, user, "admin")
    assert (await accounts.partner.ask("user.deactivate", {"user_id": user})).done
    refused = (409, "USER_NOT_ACTIVE", "user_id")
    assert (await accounts.approve(account_id, user)).refusal == refused
    assert (await accounts.modify(owner, account_id, user, "member")).done
    assert (await accounts.modify(owner, account_id, user, "admin")).refusal == refused
    body = {"name": "Bakery", "owner_user_id": user}
    opened = await accounts.partner.ask("account.create", body)
    assert opened.refusal == (409, "USER_NOT_ACTIVE", "owner_user_id")


async def test_member_token_is_good_and_of_a_user(accounts: Accounts) -> None:
    """Signed, not expired, not revoked, of this partner, of a user who is there."""
    owner, user, gone = [await accounts.user() for _ in range(3)]
    account_id = await accounts.open(owner)
    partner, other = accounts.partner, type(accounts.partner)(accounts.partner.deployment)
    assert (await partner.ask("user.me", {}, accounts.tokens[gone])).done
    await partner.ask("user.deactivate", {"user_id": gone})

    async def forgotten() -> bool:
        reply = await partner.ask("user.me", {}, accounts.tokens[gone])
        return reply.status == 401

    wrong = {
        "client": partner.token(),
        "other partner": other.user_token(user),
        "no such user": partner.user_token(NO_ONE),
        "inactive": accounts.tokens[gone],
        "broken": accounts.tokens[user][:-6] + "AAAAAA",
        "expired": partner.deployment.token(
            partner.name, subject=user, use=TokenUse.USER, now=1_000_000.0, ttl=60
        ),
        "nonsense": "a.b.c",
    }
    for what, token in wrong.items():
        body = {"account_id": account_id, "member_access_token": token}
        refused = await partner.ask("membership.create", body, accounts.tokens[owner])
        assert refused.refusal == (400, "NOT_ALLOWED_VALUE", "member_access_token"), what
        assert token not in str(refused.body)
    await eventually(forgotten)
    body = {"account_id": account_id, "member_access_token": accounts.tokens[gone]}
    refused = await partner.ask("membership.create", body, accounts.tokens[owner])
    assert refused.refusal == (400, "NOT_ALLOWED_VALUE", "member_access_token")
    malformed = {"": "TOO_SHORT", "x" * 8193: "TOO_LONG", 7: "INVALID_FORMAT"}
    for value, code in malformed.items():
        wrongly = {"account_id": account_id, "member_access_token": value}
        refused = await partner.ask("membership.create", wrongly, accounts.tokens[owner])
        assert refused.refusal == (400, code, "member_access_token")
