"""What is asked of each side: the requests of the comparison, and those that fill a store."""

import json
from typing import Any

from tests.bench.job import UNIQUE, Operation

PARTNER = "bench"
ENTITY, USER = "<entity>", "<user>"
CONSUMER, PERSON, ACCOUNT = "<consumer>", "<person>", "<account>"
TRIGGER = "DEBIT_CARD_PURCHASE_NOTIFICATION"
PAGE = 20
CASES = ("create", "update", "get", "list20", "mix80")
OWN_CASES = ("get_person", "household", "evaluate", "check")
"""What svc-user alone is asked for: no peer has a like of it."""
WEIGHTS = {"mix80": {"get": 8, "update": 1, "create": 1}}
"""How often each operation comes in the cases that have several."""
COMMANDS = {"create", "update"}
"""The operations that tell an event for each good reply."""


class Requests:
    """The operations of one side, under its subjects and with its headers.

    The tag sets one load's unique values apart from those of all others on the same store.
    """

    def __init__(
        self,
        tag: str,
        prefix: str = "",
        partner: str = PARTNER,
        headers: dict[str, str] | None = None,
    ) -> None:
        self._tag = tag
        self._prefix = prefix
        self._partner = partner
        self._headers = headers or {}

    def of(self, case: str) -> list[Operation]:
        """Make the operations of a case."""
        makers = {
            "create": self.create,
            "update": self.update,
            "get": self.get,
            "list20": self.list20,
            "get_person": self.get_person,
            "household": self.household,
            "evaluate": self.evaluate,
            "check": self.check,
        }
        return [
            makers[name]().model_copy(update={"weight": weight})
            for name, weight in WEIGHTS.get(case, {case: 1}).items()
        ]

    def create_entity(self) -> Operation:
        """Create a business entity."""
        body = {
            "entity_type": "business",
            "registration_number": f"{self._tag}{UNIQUE}",
            "trading_name": "Protea Trading",
        }
        return self._operation("entity", "create", body, expect='"entityId"')

    def create(self) -> Operation:
        """Create a user of one of the entities, with all fields that are required."""
        body = {
            "entity_id": ENTITY,
            "first_name": "Nomvula",
            "last_name": "van der Merwe",
            "email": f"nomvula.{self._tag}.{UNIQUE}@example.com",
            "phone_number": "+27821234567",
            "gender": "Female",
            "date_of_birth": "1990-01-01T00:00:00Z",
            "country": "ZAF",
            "city": "Johannesburg",
            "residency": "South Africa",
            "id_number": "9001015800084",
            "id_type": "National",
            "id_issue_date": "2020-01-15T00:00:00Z",
            "title": "Ms",
            "verified": False,
            "permit_number": f"P-{UNIQUE}",
        }
        return self._operation("user", "create", body, expect='"userId"')

    def update(self) -> Operation:
        """Change two fields of a user, one of them to a value that it never had."""
        body = {"user_id": USER, "birth_city": f"Durban {self._tag}{UNIQUE}", "title": "Dr"}
        return self._operation("user", "update", body, expect='"userId"')

    def get(self) -> Operation:
        """Read a user by its id."""
        return self._operation("user", "get", {"user_id": USER}, expect='"email"')

    def list20(self) -> Operation:
        """Read the first users of an entity."""
        body = {"entity_id": ENTITY, "limit": PAGE}
        return self._operation("user", "list", body, expect='"next_cursor"')

    def get_person(self) -> Operation:
        """Find out who somebody is, by the id alone."""
        return self._identity("get_person", {"person_id": PERSON}, expect='"person_id"')

    def household(self) -> Operation:
        """Read a consumer with all who belong to it, protected data masked."""
        body = {"consumer_id": CONSUMER, "expand": "PROTECTED_PERSONAL_DATA"}
        return self._identity("household", body, expect='"authorized_signers"')

    def check(self) -> Operation:
        """Find out what a user may do in an account, which for most is nothing."""
        body = {"account_id": ACCOUNT, "user_id": USER, "permission": "VIEW"}
        return self._operation("membership", "check", body, expect='"allowed"')

    def account_of(self, user_id: str) -> Operation:
        """Open an account of a user, who has confirmed its e-mail."""
        body = {"name": "Bakery", "owner_user_id": user_id}
        return self._operation("account", "create", body, expect='"account_id"')

    def send_confirmation(self, user_id: str) -> Operation:
        """Ask for the code that confirms a user's e-mail."""
        body = {"user_id": user_id}
        return self._operation("user", "send_confirmation", body, expect='"confirmation_code"')

    def confirm(self, user_id: str, code: str) -> Operation:
        """Confirm a user's e-mail."""
        body = {"user_id": user_id, "confirmation_code": code}
        return self._operation("user", "confirm", body, expect='"confirmed"')

    def evaluate(self) -> Operation:
        """Ask whether a user may be told that a debit card was used."""
        body = {"person_id": USER, "notification_preference_type": TRIGGER}
        return self._operation("preference", "evaluate", body, expect='"contact"')

    def opt_out(self) -> Operation:
        """Let a user not be told by e-mail that a debit card was used."""
        channel = {"communication_delivery_type": "EMAIL", "opted_in": False}
        preference = {"notification_preference_type": TRIGGER, "configurations": [channel]}
        items = [{"category": "DEBIT_CARDS", "preferences": [preference]}]
        body = {"person_id": USER, "items": items}
        return self._operation("preference", "put", body, expect='"items"')

    def person(self, role: str, anchor: dict[str, str], **fields: str) -> Operation:
        """Create a consumer, dependent, authorized signer or business contact."""
        body = {"first_name": "Naledi", "last_name": f"Dlamini {self._tag}{UNIQUE}"}
        id_field = f"{role}_id"
        return self._identity(
            f"create_{role}", {**body, **anchor, **fields}, expect=f'"{id_field}"'
        ).model_copy(update={"keep": id_field})

    def _identity(self, name: str, body: dict[str, Any], expect: str) -> Operation:
        return self._operation("identity", name, body, expect)

    def _operation(self, service: str, name: str, body: dict[str, Any], expect: str) -> Operation:
        return Operation(
            name=name,
            subject=f"{self._prefix}svc.{service}.{self._partner}.{name}",
            payload=json.dumps(body, separators=(",", ":")),
            headers=self._headers,
            expect=expect,
        )
