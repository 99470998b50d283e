"""The steps of `svc-user demo`: what is asked for, in the order in which a partner would."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from service.command.guest import Body, Guest


@dataclass(frozen=True)
class Step:
    """One request: why, what, and which events it is bound to have."""

    says: str
    title: str
    body: Callable[[Guest], Body]
    events: tuple[str, ...] = ()
    keeps: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    """What later steps need of the reply, and how it is found there."""
    asks_as: str | None = None
    """The user whose own token it goes with; else a client's."""
    headers: Callable[[Guest], dict[str, str]] = lambda _: {}


def _reply_field(name: str) -> Callable[[Any], Any]:
    return lambda reply: reply[name]


def _first_trigger(catalogue: Any) -> Any:
    """A trigger, with the names of all that it hangs on."""
    category = catalogue["categories"][0]
    return {"category": category["category"]} | category["preferences"][0]


def _sms_wanted(_: Guest) -> list[Body]:
    return [{"communication_delivery_type": "SMS", "opted_in": True}]


def _evaluate(guest: Guest) -> Body:
    trigger = guest["trigger"]["notification_preference_type"]
    return {"person_id": guest["lerato"], "notification_preference_type": trigger}


def _once(guest: Guest) -> dict[str, str]:
    return {"Idempotency-Key": f"demo-{guest.tag}"}


def _lerato(guest: Guest) -> Any:
    if "lerato_told" not in guest.kept:
        guest.kept["lerato_told"] = guest.person("Lerato", "Mokoena")
    return {"entity_id": guest["employer"]} | guest["lerato_told"]


_ORGANISATION = (
    Step(
        "An administrator is the root of everything below it.",
        "administrator.create",
        lambda guest: {
            "administrator_code": f"TPA-{guest.tag}",
            "business_name": "Benefits United",
            "business_ein": guest.ein(),
            "business_alias": "BU",
        },
        ("administrator.created",),
        {"administrator": _reply_field("administrator_id")},
        headers=lambda _: {"Idempotency-Key": str(uuid4())},
    ),
    Step(
        "An employer under it.",
        "business.create",
        lambda guest: {
            "name": "Protea Mining",
            "alias": "protea",
            "ein": guest.ein(),
            "admin_id": guest["administrator"],
            "business_type": "EMPLOYER",
        },
        ("business.created",),
        {"employer": _reply_field("business_id")},
    ),
    Step(
        "Another, and it belongs to the first.",
        "business.create",
        lambda guest: {
            "name": "Protea Smelting",
            "alias": "smelting",
            "ein": guest.ein(),
            "admin_id": guest["administrator"],
            "business_type": "EMPLOYER",
            "parent_id": guest["employer"],
        },
        ("business.created",),
        {"daughter": _reply_field("business_id")},
    ),
    Step(
        "So the daughter has a mother and a root.",
        "business.lineage",
        lambda guest: {"business_id": guest["daughter"]},
    ),
    Step(
        "Somebody who belongs to nobody: a personal entity, and its user with it.",
        "entity.create",
        lambda guest: {"entity_type": "personal"} | guest.person("Naledi", "Dlamini"),
        ("entity.created", "user.created"),
        {"naledi": _reply_field("userId")},
    ),
)
_USERS = (
    Step(
        "A user of the employer, with a key that makes it safe to ask again.",
        "user.create",
        _lerato,
        ("user.created",),
        {"lerato": _reply_field("userId")},
        headers=_once,
    ),
    Step(
        "The same again, as after a lost reply: the same user, and no second event.",
        "user.create",
        _lerato,
        headers=_once,
    ),
    Step(
        "She moves, if nobody has changed her since version 1.",
        "user.update",
        lambda guest: {"user_id": guest["lerato"], "residency": "Botswana"},
        ("user.updated",),
        headers=lambda _: {"If-Match": "1"},
    ),
    Step(
        "A code to mail to her.",
        "user.send_confirmation",
        lambda guest: {"user_id": guest["lerato"]},
        (),
        {"code": _reply_field("confirmation_code")},
    ),
    Step(
        "She has it, so her e-mail is hers. She asks with a token of her own.",
        "user.confirm",
        lambda guest: {"user_id": guest["lerato"], "confirmation_code": guest["code"]},
        ("user.confirmed",),
        asks_as="lerato",
    ),
)
_HOUSEHOLD = (
    Step(
        "A consumer, for benefits; the number is sealed, and masked wherever it is told.",
        "identity.create_consumer",
        lambda guest: {
            "business_id": guest["employer"],
            "first_name": "Thandi",
            "last_name": "Nkosi",
            "gender": "FEMALE",
            "marital_status": "MARRIED",
            "email_addresses": {"primary": {"address": guest.email("thandi")}},
            "protected_personal_data": {
                "social_security_number": guest.ssn(),
                "date_of_birth": "1985-03-02",
            },
        },
        ("identity.consumer_created",),
        {"consumer": _reply_field("consumer_id")},
    ),
    Step(
        "Her child.",
        "identity.create_dependent",
        lambda guest: {
            "consumer_id": guest["consumer"],
            "first_name": "Sipho",
            "last_name": "Nkosi",
            "full_time_student": True,
            "relationship": "CHILD",
        },
        ("identity.dependent_created",),
    ),
    Step(
        "Who may sign for her.",
        "identity.create_authorized_signer",
        lambda guest: {
            "consumer_id": guest["consumer"],
            "first_name": "Bongani",
            "last_name": "Nkosi",
            "account_access": "PHI",
            "type": "POWER_OF_ATTORNEY",
        },
        ("identity.authorized_signer_created",),
    ),
    Step(
        "All of them are a household.",
        "identity.household",
        lambda guest: {"consumer_id": guest["consumer"]},
    ),
)
_ACCOUNT = (
    Step(
        "An account. Its owner is its first admin.",
        "account.create",
        lambda guest: {"name": "Savings", "owner_user_id": guest["lerato"]},
        ("account.created", "membership.created"),
        {"account": _reply_field("account_id")},
    ),
    Step(
        "She takes in a member, who has given her a token to prove it.",
        "membership.create",
        lambda guest: {
            "account_id": guest["account"],
            "member_access_token": guest.user_token(guest["naledi"]),
            "role": "member",
        },
        ("membership.created",),
        asks_as="lerato",
    ),
    Step(
        "What may the member do there?",
        "membership.check",
        lambda guest: {
            "account_id": guest["account"],
            "user_id": guest["naledi"],
            "permission": "CHANGE",
        },
    ),
    Step(
        "The members of the account.",
        "membership.list",
        lambda guest: {"account_id": guest["account"]},
    ),
)
_PREFERENCES = (
    Step(
        "What a person can be told, and how.",
        "preference.catalogue",
        lambda _: {},
        (),
        {"trigger": _first_trigger},
    ),
    Step(
        "She wants the first of them by SMS.",
        "preference.put",
        lambda guest: {
            "person_id": guest["lerato"],
            "items": [
                {
                    "category": guest["trigger"]["category"],
                    "preferences": [
                        {
                            "notification_preference_type": guest["trigger"][
                                "notification_preference_type"
                            ],
                            "configurations": _sms_wanted(guest),
                        }
                    ],
                }
            ],
        },
        ("preference.internal_changed",),
        asks_as="lerato",
    ),
    Step(
        "Is such a message to be sent? Not by SMS: the channel has a gate of its own.",
        "preference.evaluate",
        _evaluate,
    ),
    Step(
        "She opens that one too.",
        "preference.put_external",
        lambda guest: {
            "person_id": guest["lerato"],
            "items": [
                {
                    "external_notification_preference_id": guest["trigger"][
                        "external_notification_preference_id"
                    ],
                    "configurations": _sms_wanted(guest),
                }
            ],
        },
        ("preference.external_changed",),
        asks_as="lerato",
    ),
    Step("And now?", "preference.evaluate", _evaluate),
)
TOUR: tuple[Step, ...] = (*_ORGANISATION, *_USERS, *_HOUSEHOLD, *_ACCOUNT, *_PREFERENCES)
