"""Tokens with a domain: they see what lies under one administrator, in every service.

The table below says, for every operation there is, what such a token gets that reaches outside. An
operation that is not in it fails the test, so none can be forgotten.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from service.app import OPERATIONS
from tests.client import Partner, new_user
from tests.identity.people import (
    consumer,
    contact,
    dependent,
    new_consumer,
    new_contact,
    new_dependent,
    new_signer,
    protected,
    signer,
    ssn,
)
from tests.organisation.company import (
    Company,
    new_administrator,
    new_business,
    new_company,
    new_person,
)


@dataclass(frozen=True)
class Outside:
    """What the token's domain does not hold: another administrator's, and what has none."""

    company: Company
    """The token's own."""
    inside: str
    user_inside: str
    admin: str
    business: str
    entity: str
    user: str
    profile: str
    account: str
    email: str
    person: Mapping[str, str]
    consumer: str
    dependent: str
    signer: str
    contact: str
    verification: str
    ssn: str

    @property
    def ids(self) -> list[str]:
        """The ids that no reply may hold."""
        return [
            self.admin,
            self.business,
            self.entity,
            self.user,
            self.profile,
            self.account,
            *self.person.values(),
            self.consumer,
            self.dependent,
            self.signer,
            self.contact,
            self.verification,
        ]


NOT_FOUND, REFUSED, FILTERED = "404", "403 OUTSIDE_DOMAIN", "nothing of what is outside"
Probe = Callable[[Outside], list[tuple[dict[str, Any], str]]]


def _by_id(field: str, *names: str, **fields: object) -> Probe:
    """Requests that name what is outside by its id; `names` are attributes of `Outside`."""

    def requests(o: Outside) -> list[tuple[dict[str, Any], str]]:
        return [({field: getattr(o, name)} | fields, NOT_FOUND) for name in names]

    return requests


def _user(field: str, **fields: object) -> Probe:
    """Requests that name a user of another domain, and one of none."""
    return lambda o: [({field: id} | fields, NOT_FOUND) for id in (o.user, o.person["userId"])]


def _list(*filters: tuple[str, str]) -> Probe:
    """A list, and the same with filters that name what is outside."""
    return lambda o: [
        ({name: getattr(o, value) for name, value in chosen}, FILTERED)
        for chosen in ((), *((each,) for each in filters))
    ]


def _role(**fields: object) -> Probe:
    """A request about a user's role in an account of another domain."""
    return lambda o: [
        ({"account_id": o.account, "user_id": id} | fields, NOT_FOUND)
        for id in (o.user, o.user_inside)
    ]


def _preferences(**fields: object) -> Probe:
    """A request about the preferences of people of another domain."""
    return _by_id("person_id", "user", "consumer", "dependent", "signer", "contact", **fields)


def _business_entity(o: Outside, **fields: object) -> dict[str, Any]:
    body = {"entity_type": "business", "registration_number": "1", "trading_name": "Aloe"}
    return body | fields


PROBES: dict[str, Probe] = {
    "identity.get_person": _by_id(
        "person_id", "consumer", "dependent", "signer", "contact", "user"
    ),
    "identity.find_by_ssn": lambda o: [({"ssn": o.ssn}, FILTERED)],
    "identity.create_consumer": lambda o: [(new_consumer(o.business), REFUSED)],
    "identity.update_consumer": lambda o: [
        ({"consumer_id": o.consumer, "first_name": "Else"}, NOT_FOUND),
    ],
    "identity.get_consumer": _by_id("consumer_id", "consumer"),
    "identity.list_consumers": _list(("business_id", "business")),
    "identity.create_dependent": lambda o: [(new_dependent(o.consumer), NOT_FOUND)],
    "identity.update_dependent": _by_id("dependent_id", "dependent", first_name="Else"),
    "identity.list_dependents": _by_id("consumer_id", "consumer"),
    "identity.create_authorized_signer": lambda o: [(new_signer(o.consumer), NOT_FOUND)],
    "identity.update_authorized_signer": _by_id(
        "authorized_signer_id", "signer", first_name="Else"
    ),
    "identity.list_authorized_signers": _by_id("consumer_id", "consumer"),
    "identity.household": _by_id("consumer_id", "consumer"),
    "identity.create_business_contact": lambda o: [(new_contact(o.business), REFUSED)],
    "identity.update_business_contact": _by_id("business_contact_id", "contact", first_name="Else"),
    "identity.list_business_contacts": _by_id("business_id", "business"),
    "verification.submit": _by_id("person_id", "consumer", kind="IDENTITY", evidence={}),
    "verification.decide": _by_id("verification_id", "verification", decision="APPROVED"),
    "verification.get": _by_id("verification_id", "verification"),
    "verification.list": _list(("person_id", "consumer")),
    "preference.get": _preferences(),
    "preference.put": _preferences(items=[]),
    "preference.get_external": _preferences(),
    "preference.put_external": _preferences(items=[]),
    "preference.evaluate": _preferences(notification_preference_type="CLAIM_CONFIRMATION"),
    "preference.put_master": lambda _: [({"switches": {"SMS": False}}, REFUSED)],
    "privacy.history": _by_id(
        "aggregate_id",
        *("admin", "business", "entity", "user", "account", "consumer", "dependent", "signer"),
        *("contact", "verification"),
    ),
    "privacy.access_log": _by_id("person_id", "user", "consumer", "dependent", "signer", "contact"),
    "privacy.export": _by_id("person_id", "user", "consumer", "dependent", "signer", "contact"),
    "privacy.erase": _by_id(
        "person_id", "user", "consumer", "dependent", "signer", "contact", reason="asked for"
    ),
    "user.create": lambda o: [
        (new_user(id), REFUSED) for id in (o.entity, o.admin, o.person["entityId"])
    ],
    "user.update": _user("user_id", first_name="Else"),
    "user.list": _list(("entity_id", "entity"), ("email", "email")),
    "user.get": _user("user_id"),
    "user.set_contact_email": _user("user_id", email="else@example.com"),
    "user.get_contact_email": _user("user_id"),
    "user.deactivate": _user("user_id"),
    "user.activate": _user("user_id"),
    "user.send_confirmation": _user("user_id"),
    "user.confirm": _user("user_id", confirmation_code="123456"),
    "profile.create": lambda o: [
        *(({"user_id": id, "type": "personal"}, NOT_FOUND) for id in (o.user, o.person["userId"])),
        ({"user_id": o.user_inside, "type": "business", "entity_id": o.business}, REFUSED),
    ],
    "profile.get": _by_id("profile_id", "profile"),
    "profile.list": _user("user_id"),
    "account.create": lambda o: [
        ({"name": "A", "owner_user_id": o.user_inside, "entity_id": o.business}, REFUSED),
        ({"name": "A", "owner_user_id": o.user, "entity_id": o.inside}, NOT_FOUND),
    ],
    "account.get": _by_id("account_id", "account"),
    "account.list": _list(("user_id", "user"), ("entity_id", "business")),
    "account.record_settlement": _by_id("account_id", "account"),
    "membership.approve": _role(),
    "membership.reject": _role(reason="no"),
    "membership.list": lambda o: [
        ({"account_id": o.account}, FILTERED),
        ({"user_id": o.user}, FILTERED),
    ],
    "membership.check": _role(permission="VIEW"),
    "administrator.create": lambda _: [(new_administrator(), REFUSED)],
    "administrator.get": _by_id("administrator_id", "admin"),
    "administrator.list": _list(),
    "administrator.set_modules": lambda o: [
        ({"modules": {"IDENTITY": False}}, REFUSED),
        ({"administrator_id": o.admin, "modules": {"IDENTITY": False}}, REFUSED),
    ],
    "business.create": lambda o: [
        (new_business(o.admin), REFUSED),
        (new_business(o.company.admin_id, parent_id=o.business), REFUSED),
    ],
    "business.update": _by_id("business_id", "business", "entity", name="Else"),
    "business.move": lambda o: [
        ({"business_id": o.business, "parent_id": o.inside}, NOT_FOUND),
        ({"business_id": o.inside, "parent_id": o.business}, REFUSED),
        ({"business_id": o.inside, "parent_id": o.admin}, REFUSED),
    ],
    "business.get": _by_id("business_id", "business", "admin", "entity"),
    "business.list": _list(("parent_id", "business"), ("parent_id", "admin")),
    "business.lineage": _by_id("business_id", "business", "admin", "entity"),
    "business.descendants": _by_id("business_id", "business", "admin", "entity"),
    "entity.create": lambda o: [
        (_business_entity(o, parent_id=o.entity), REFUSED),
        (_business_entity(o, parent_id=o.admin), REFUSED),
        (_business_entity(o), REFUSED),
        (new_person(), REFUSED),
    ],
    "entity.get": _by_id("entity_id", "entity", "business", "admin"),
    "entity.list": lambda _: (
        [({"entity_type": kind}, FILTERED) for kind in ("personal", "business")] + [({}, FILTERED)]
    ),
}
"""What reaches outside, by operation: requests, and what each of them gets."""

WITHOUT: dict[str, str] = {
    "user.me": "only for a user's own token, which reaches its own data only",
    "user.signup": "names nothing; who signs up is under no administrator yet",
    "token.issue": "public: what it asks for is a secret",
    "token.revoke": "public: what it asks for is a secret",
    "token.jwks": "public",
    "membership.create": "only for a user's own token",
    "membership.modify": "only for a user's own token",
    "membership.remove": "only for a user's own token",
    "preference.catalogue": "the same for all, and nobody's data",
    "preference.get_master": "the partner's switches stand over every domain, and are no secret",
    "user.exists": "an e-mail is unique in the partner, so who may take one may know it taken",
}
"""Operations that cannot reach outside, or may, and why."""


@pytest.fixture
async def outside(partner: Partner) -> Outside:
    """Two companies and a person of one partner; the token is of the first."""
    company, other = await new_company(partner), await new_company(partner)
    business = await other.business()
    email = f"{uuid4().hex}@example.com"
    inside, user = await company.business(), await partner.user(business, email=email)
    (profile,) = (await partner.ask("profile.list", {"user_id": user})).done["items"]
    # An owner has to have confirmed its e-mail, which is no concern of this test.
    await partner.deployment.database["users"].update_one(
        {"_id": user}, {"$set": {"confirmed": True}}
    )
    account = {"name": "Outside", "owner_user_id": user, "entity_id": business}
    number = ssn()
    consumer_id = await consumer(partner, business, protected_personal_data=protected(number))
    proof = {"person_id": consumer_id, "kind": "IDENTITY", "evidence": {}}
    submitted = (await partner.ask("verification.submit", proof)).done
    return Outside(
        company=company,
        inside=inside,
        user_inside=await partner.user(inside),
        admin=other.admin_id,
        business=business,
        entity=await partner.entity(parent_id=business),
        user=user,
        profile=profile["profile_id"],
        account=(await partner.ask("account.create", account)).done["account_id"],
        email=email,
        person=(await partner.ask("entity.create", new_person())).done,
        consumer=consumer_id,
        dependent=await dependent(partner, consumer_id),
        signer=await signer(partner, consumer_id),
        contact=await contact(partner, business),
        verification=submitted["verification_id"],
        ssn=number,
    )


def test_every_operation_is_in_the_table() -> None:
    """Whoever adds an operation says here what a token with a domain gets from it."""
    assert {operation.title for operation in OPERATIONS} == PROBES.keys() | WITHOUT.keys()


@pytest.mark.parametrize("title", PROBES)
async def test_a_token_with_a_domain_reaches_nothing_outside(outside: Outside, title: str) -> None:
    """Another id is 404, a parent outside 403, a list holds nothing of what is outside."""
    partner, token = outside.company.partner, outside.company.token
    for body, outcome in PROBES[title](outside):
        reply = await partner.ask(title, body, token, idempotency_key=uuid4().hex)
        if outcome == FILTERED:
            told = str(reply.done)
            assert not [id for id in outside.ids if id in told], body
        elif outcome == NOT_FOUND:
            assert reply.status == 404, (body, reply.body)
        else:
            assert reply.refusal[:2] == (403, "OUTSIDE_DOMAIN"), body


async def test_a_token_with_a_domain_sees_and_changes_what_is_inside(outside: Outside) -> None:
    """All that another token may do there."""
    company, token = outside.company, outside.company.token
    ask, below = company.partner.ask, outside.inside
    made = await ask("business.create", new_business(company.admin_id, parent_id=below), token)
    id = made.done["business_id"]
    assert (await ask("business.get", {"business_id": id}, token)).done == made.done
    line = (await ask("business.lineage", {"business_id": id}, token)).done["items"]
    assert [each["business_id"] for each in line] == [id, below, company.admin_id]
    found = (await ask("business.descendants", {"business_id": company.admin_id}, token)).done
    assert [each["business_id"] for each in found["items"]] == [below, id]
    for filters in ({}, {"name": "mining"}, {"business_type": "EMPLOYER"}):
        listed = (await ask("business.list", filters, token)).done["items"]
        assert [each["business_id"] for each in listed] == [below, id]
    parent = {"business_id": id, "parent_id": company.admin_id}
    assert (await ask("business.move", parent, token)).version == 2
    entity = (await ask("entity.create", _business_entity(outside, parent_id=id), token)).done
    user = (await ask("user.create", new_user(entity["entityId"]), token)).done["userId"]
    assert (await ask("user.get", {"user_id": user}, token)).done["id"] == user
    administrators = (await ask("administrator.list", {}, token)).done["items"]
    assert [each["administrator_id"] for each in administrators] == [company.admin_id]
    switch = {"administrator_id": company.admin_id, "modules": {"IDENTITY": True}}
    assert (await ask("administrator.set_modules", switch, token)).version == 2


async def test_a_reply_is_repeated_for_the_same_rights_only(outside: Outside) -> None:
    """Another domain's token cannot get at it by its Idempotency-Key."""
    company, body = outside.company, new_business(outside.company.admin_id)
    ask = company.partner.ask
    await ask("business.create", body, company.token, idempotency_key="one")
    other = company.partner.token(domain=outside.admin)
    reply = await ask("business.create", body, other, idempotency_key="one")
    assert reply.refusal == (409, "IDEMPOTENCY_KEY_REUSED", None)
