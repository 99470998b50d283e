"""Who takes the tour of `svc-user demo`, again and again: with values that nobody had before."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]


@dataclass
class Guest:
    """New values for requests, and what the replies to them have given."""

    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    kept: dict[str, Any] = field(default_factory=dict)
    user_token: Callable[[str], str] = str

    def __getitem__(self, name: str) -> Any:
        return self.kept[name]

    def email(self, name: str) -> str:
        """An address that nobody has."""
        return f"{name}.{self.tag}@example.com"

    @staticmethod
    def ein() -> str:
        """An employer identification number."""
        return f"{10 + secrets.randbelow(89)}-{secrets.randbelow(10_000_000):07}"

    @staticmethod
    def ssn() -> str:
        """A social security number that may exist."""
        area, group, serial = secrets.randbelow(600), secrets.randbelow(99), secrets.randbelow(9999)
        return f"{area + 1:03}-{group + 1:02}-{serial + 1:04}"

    def person(self, first_name: str, last_name: str) -> Body:
        """What is told of a user."""
        return {
            "first_name": first_name,
            "last_name": last_name,
            "email": self.email(first_name.lower()),
            "phone_number": f"+2711{secrets.randbelow(10_000_000):07}",
            "gender": "Female",
            "date_of_birth": "1990-05-17",
            "country": "ZAF",
            "city": "Johannesburg",
            "residency": "South Africa",
            "id_number": f"900517{secrets.randbelow(10_000_000):07}",
            "id_type": "National",
            "id_issue_date": "2020-01-15",
            "title": "Ms",
            "verified": False,
            "permit_number": f"P-{secrets.randbelow(1_000_000):06}",
        }
