"""People with something in every place where anything is held on anybody."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.client import Partner, new_user
from tests.clients import Client
from tests.identity.people import (
    ADDRESS,
    PHONE,
    contact,
    new_consumer,
    new_dependent,
    new_signer,
    protected,
    ssn,
)
from tests.membership.accounts import Accounts

OPTED_OUT = [
    {
        "category": "CLAIMS",
        "preferences": [
            {
                "notification_preference_type": "CLAIM_CONFIRMATION",
                "configurations": [{"communication_delivery_type": "EMAIL", "opted_in": False}],
            }
        ],
    }
]


@dataclass
class Somebody:
    """A person, and every value that is this person's alone."""

    id: str
    values: list[str]
    numbers: list[str] = field(default_factory=list)
    """Those of the values that are shown in the clear to nobody but who may see them."""


def own(values: list[str], prefix: str = "Own", suffix: str = "") -> str:
    """A text that nobody else has, noted among the values."""
    value = f"{prefix}{uuid4().hex[:10]}{suffix}"
    values.append(value)
    return value


def digits(values: list[str], length: int = 13) -> str:
    """A number that nobody else has, noted among the values."""
    value = str(uuid4().int)[:length]
    values.append(value)
    return value


async def busy_user(partner: Partner, **fields: Any) -> Somebody:
    """A user with former names, profiles, memberships, preferences and verifications."""
    values: list[str] = []
    accounts, numbers = Accounts(partner), [digits(values), digits(values)]
    address = {"countryCode": "ZA", "firstLine": own(values), "postCode": own(values, "P")}
    body = new_user(
        fields.pop("entity_id", None) or await partner.entity(),
        first_name=own(values, "First"),
        last_name=own(values, "Last"),
        email=own(values, "former.", "@example.com"),
        phone_number=f"+27{digits(values, 9)}",
        id_number=numbers[0],
        permit_number=numbers[1],
        address=address | {"city": own(values)},
        avatar=f"https://example.com/{own(values)}.png",
    )
    made = await partner.ask("user.create", body | fields, idempotency_key=own(values, "key-"))
    id = made.done["userId"]
    change = {"email": own(values, "now.", "@example.com"), "title": own(values, "Dr")}
    assert (await partner.ask("user.update", {"user_id": id} | change)).done
    written = {"user_id": id, "email": own(values, "contact.", "@example.com")}
    assert (await partner.ask("user.set_contact_email", written)).done
    assert (await partner.ask("user.send_confirmation", {"user_id": id})).done
    await accounts.set_confirmed(id, True)
    accounts.tokens[id] = partner.user_token(id)
    await _accounts(partner, accounts, id, values)
    profile = {"user_id": id, "type": "business", "entity_id": await partner.entity()}
    assert (await partner.ask("profile.create", profile, idempotency_key=own(values, "k"))).done
    numbers += await _common(partner, id, values)
    return Somebody(id, values, numbers)


async def _accounts(partner: Partner, accounts: Accounts, id: str, values: list[str]) -> None:
    """Make the user an admin beside another, a member proposed as one, and one that was removed."""
    owner = await accounts.user()
    context = {"reason": "other", "explanation": own(values, "because ")}
    for settle, then in ((True, "approve"), (False, None), (False, "remove")):
        account_id = await accounts.open(owner)
        body = {
            "account_id": account_id,
            "member_access_token": accounts.tokens[id],
            "role": "admin",
            "admin_context": context,
        }
        assert (await partner.ask("membership.create", body, accounts.tokens[owner])).done
        if then == "approve":
            assert (await accounts.approve(account_id, id)).done
        if then == "remove":
            assert (await accounts.remove(owner, account_id, id)).done
        if settle:
            assert (await accounts.settle(account_id)).done


async def _common(partner: Partner, id: str, values: list[str]) -> list[str]:
    """What any person may have: preferences, a verification, an unmasked read."""
    put = {"person_id": id, "items": OPTED_OUT}
    assert (await partner.ask("preference.put", put)).done
    number = digits(values, 12)
    evidence = {
        "account_holder": own(values, "Holder"),
        "account_number": number,
        "routing_number": "021000021",
        "account_type": "CHECKING",
    }
    body = {"person_id": id, "kind": "BANK_ACCOUNT", "evidence": evidence}
    made = await partner.ask("verification.submit", body, idempotency_key=own(values, "key-"))
    reject = {
        "verification_id": made.done["verification_id"],
        "decision": "REJECTED",
        "reason": own(values, "not the name of "),
    }
    decider = partner.token(subject="decider")
    assert (await partner.ask("verification.decide", reject, decider)).done
    note = {"person_id": id, "kind": "IDENTITY", "evidence": {"note": own(values, "note ")}}
    assert (await partner.ask("verification.submit", note)).done
    return [number]


async def signed_up(partner: Partner) -> tuple[Somebody, Client, Any]:
    """A user who has signed up and in; the client that it did so with, and its tokens."""
    client = await Client.of(partner)
    user = await client.signed_up()
    issued = (await client.exchange(user)).done
    return Somebody(user.id, [user.email]), client, issued


def _address(values: list[str]) -> dict[str, Any]:
    return ADDRESS | {"line1": own(values, "Street ")}


def _protected(values: list[str], numbers: list[str]) -> dict[str, Any]:
    number = ssn()
    values.append(number)
    numbers.append(number)
    return protected(number)


async def household(partner: Partner, business_id: str | None = None) -> list[Somebody]:
    """A consumer with everything in it, a dependent and a signer, in this order."""
    values: list[str] = []
    numbers: list[str] = []
    body = new_consumer(
        business_id or await partner.entity(),
        first_name=own(values, "First"),
        last_name=own(values, "Last"),
        addresses={"home_address": _address(values), "mailing_address": None},
        email_addresses={
            "primary": {"address": own(values, "mail.", "@example.com")},
            "alternate": None,
        },
        phone_numbers={
            "home_phone": PHONE | {"number": digits(values, 12)},
            "mobile_phone": None,
            "work_phone": None,
        },
        protected_personal_data=_protected(values, numbers),
    )
    made = await partner.ask("identity.create_consumer", body, idempotency_key=own(values, "key-"))
    consumer_id = made.done["consumer_id"]
    change = {"consumer_id": consumer_id, "middle_name": own(values, "Middle")}
    assert (await partner.ask("identity.update_consumer", change)).done
    unmasked = {"expand": "PROTECTED_PERSONAL_DATA", "ssn_mode": "UNMASKED"}
    read = {"consumer_id": consumer_id} | unmasked
    assert (await partner.ask("identity.get_consumer", read)).done
    people = [Somebody(consumer_id, values, numbers + await _common(partner, consumer_id, values))]
    for title, new, key in (
        ("identity.create_dependent", new_dependent, "dependent_id"),
        ("identity.create_authorized_signer", new_signer, "authorized_signer_id"),
    ):
        values, numbers = [], []
        body = new(
            consumer_id,
            first_name=own(values, "First"),
            protected_personal_data=_protected(values, numbers),
        )
        id = (await partner.ask(title, body, idempotency_key=own(values, "key-"))).done[key]
        people.append(Somebody(id, values, numbers + await _common(partner, id, values)))
    return people


async def business_contact(partner: Partner) -> Somebody:
    """A contact in a business."""
    values: list[str] = []
    email = own(values, "contact.", "@example.com")
    name = own(values, "Last")
    id = await contact(partner, await partner.entity(), last_name=name, email=email)
    return Somebody(id, values)
