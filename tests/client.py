"""A partner's system, as the tests play it: it asks, and holds every answer to the contract.

Whatever a test is about, an answer that is not as the operation declares it fails the test: a reply
with a field too many or too few, a refusal that the operation does not list, a value given away.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import orjson
from nats.js.errors import NotFoundError
from pydantic import TypeAdapter

from schemas.event import Event, EventType
from schemas.problem import ProblemBody
from service.app import OPERATIONS
from service.auth.scopes import ALL_SCOPES, TokenUse
from service.operation import Operation
from service.problems import COMMON
from service.resources import STREAM
from tests.deployment import Deployment
from tests.eventually import eventually

BY_TITLE = {operation.title: operation for operation in OPERATIONS}
EVENT_TYPES: dict[str, EventType] = {
    event.type: event for operation in OPERATIONS for event in operation.emits
}

FIELD_CODES = frozenset(
    {
        "INVALID_JSON",
        "REQUIRED",
        "INVALID_FORMAT",
        "TOO_SHORT",
        "TOO_LONG",
        "NOT_ALLOWED_VALUE",
        "UNKNOWN_FIELD",
    }
)
"""What can be wrong with a body or one of its fields."""

_PERSONAL = ("email", "id_number", "phone_number", "permit_number")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\S*")
_WHOLE_SECONDS = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,36}")
_count = itertools.count(1)


@dataclass(frozen=True)
class Reply:
    """An answer that is as the contract says."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def done(self) -> Any:
        """The body of a success."""
        assert self.status == 200, self.body
        return self.body

    @property
    def refusal(self) -> tuple[int, str, str | None]:
        """Status, and code and path of the first error."""
        assert self.status != 200, f"not refused: {self.body}"
        return self.status, *self.errors[0]

    @property
    def errors(self) -> list[tuple[str, str | None]]:
        """Code and path of each error."""
        return [(error["code"], error["path"]) for error in self.body["errors"]]

    @property
    def version(self) -> int:
        """The version that the reply is about."""
        return int(self.headers["ETag"])


@dataclass
class Partner:
    """One partner of a deployment."""

    deployment: Deployment
    name: str = field(default_factory=lambda: f"partner-{uuid4().hex[:12]}")

    def __post_init__(self) -> None:
        self.all_rights = self.token()

    def token(
        self,
        *,
        subject: str = "tests",
        use: TokenUse = TokenUse.CLIENT,
        scopes: Iterable[str] = ALL_SCOPES,
        domain: str | None = None,
    ) -> str:
        """A token for this partner."""
        return self.deployment.token(
            self.name, subject=subject, use=use, scopes=scopes, domain=domain
        )

    def user_token(self, user_id: str, scopes: Iterable[str] = ALL_SCOPES) -> str:
        """A user's own token."""
        return self.token(subject=user_id, use=TokenUse.USER, scopes=scopes)

    async def ask(
        self, title: str, body: object = b"", token: str | None = None, **headers: str
    ) -> Reply:
        """Ask, with all rights unless a token is given ("" for none).

        A header is named as an identifier: `if_match`, `x_request_id`.
        """
        operation = BY_TITLE[title]
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token != "":
            sent["Authorization"] = f"Bearer {token or self.all_rights}"
        message = await self.deployment.nats.request(
            self.subject(title),
            body if isinstance(body, bytes) else orjson.dumps(body),
            headers=sent or None,
            timeout=10,
        )
        reply = judged(operation, message.headers or {}, message.data)
        if reply.status != 200 and isinstance(body, dict):
            gives_nothing_away(message.data, body)
        return reply

    def subject(self, title: str) -> str:
        """The operation's subject for this partner."""
        return BY_TITLE[title].subject.replace("*", self.name)

    async def entity(self, **fields: object) -> str:
        """A new business entity."""
        body = {"entity_type": "business", "registration_number": "2020/1", "trading_name": "Acme"}
        id: str = (await self.ask("entity.create", body | fields)).done["entityId"]
        return id

    async def user(self, entity_id: str | None = None, **fields: object) -> str:
        """A new user, of a new entity unless one is given."""
        body = new_user(entity_id or await self.entity(), **fields)
        id: str = (await self.ask("user.create", body)).done["userId"]
        return id

    async def record(self, user_id: str) -> dict[str, Any]:
        """The user as lists show it, unmasked."""
        users = (await self.ask("user.list", {"limit": 500})).done["users"]
        found: dict[str, Any] = next(user for user in users if user["id"] == user_id)
        return found

    async def events(self, aggregate_id: str, upto: int) -> list[Event]:
        """The aggregate's events, once the stream has that of version `upto`."""

        async def told() -> list[Event]:
            found = await events_on(self.deployment, f"evt.*.{self.name}.{aggregate_id}.>")
            return found if found and found[-1]["aggregateversion"] >= upto else []

        events: list[Event] = await eventually(told, what=f"version {upto} in the stream")
        assert [event["aggregateversion"] for event in events] == list(range(1, len(events) + 1))
        return events


def new_user(entity_id: str, **fields: object) -> dict[str, Any]:
    """A request that makes a user nobody else is."""
    number = next(_count)
    return {
        "entity_id": entity_id,
        "first_name": "Thandi",
        "last_name": "Nkosi",
        "email": f"thandi.{number}@example.com",
        "phone_number": f"+2712{number:07}",
        "gender": "F",
        "date_of_birth": "1990-01-01T00:00:00Z",
        "country": "ZAF",
        "city": "Johannesburg",
        "residency": "South Africa",
        "id_number": f"9001015{number:06}",
        "id_type": "National",
        "id_issue_date": "2020-01-15T00:00:00Z",
        "title": "Ms",
        "verified": False,
        "permit_number": f"permit-{number:06}",
    } | fields


async def events_on(deployment: Deployment, subject: str) -> list[Event]:
    """All events of the stream on these subjects, each held to its schema."""
    jetstream, found, after = deployment.nats.jetstream(), list[Event](), 0
    while True:
        try:
            message = await jetstream.get_msg(STREAM, after + 1, subject, next=True)
        except NotFoundError:
            return found
        assert message.data is not None
        assert message.seq is not None
        event = _event(message.data)
        partner, id = event["partnerid"], event["subject"]
        service, _, name = event["type"].partition(".")
        assert message.subject == f"evt.{service}.{partner}.{id}.{name}"
        assert message.headers is not None
        assert message.headers["Nats-Msg-Id"] == event["id"]
        assert message.headers["Content-Type"] == "application/cloudevents+json"
        found.append(event)
        after = message.seq


def judged(operation: Operation, headers: Mapping[str, str], data: bytes) -> Reply:
    """The answer, once it is seen to be one that the operation declares."""
    body = orjson.loads(data)
    assert _REQUEST_ID.fullmatch(headers["X-Request-Id"])
    if "Nats-Service-Error-Code" not in headers:
        _adapter(operation.reply).validate_json(data, strict=True, extra="forbid")
        _times_are_whole(body)
        return Reply(200, body, headers)
    _adapter(ProblemBody).validate_json(data, strict=True, extra="forbid")
    status = body["status"]
    assert headers["Nats-Service-Error-Code"] == str(status)
    assert re.fullmatch(r"[ -~]+", headers["Nats-Service-Error"])
    assert headers["X-Request-Id"] == body["instance"]
    assert ("Retry-After" in headers) == (status in {429, 503})
    assert body["errors"]
    declared = {(problem.status, problem.code) for problem in (*operation.refuses, *COMMON)}
    declared |= {(400, code) for code in FIELD_CODES}
    for error in body["errors"]:
        assert (status, error["code"]) in declared, f"{operation.title} does not declare {error}"
    assert status != 500, "a defect"
    return Reply(status, body, headers)


def gives_nothing_away(data: bytes, request: Mapping[str, Any]) -> None:
    """Assert that a refusal does not repeat the personal data of the request."""
    for name in _PERSONAL:
        value = request.get(name)
        if isinstance(value, str) and len(value) > 5:
            assert value.encode() not in data


def is_uuid(text: str) -> bool:
    """Whether it is a UUID in canonical form."""
    return str(UUID(text)) == text


def _event(data: bytes) -> Event:
    event: Event = _adapter(Event).validate_json(data, strict=True, extra="forbid")
    kind = EVENT_TYPES[event["type"]]
    _adapter(kind.data).validate_json(orjson.dumps(event["data"]), strict=True, extra="forbid")
    _times_are_whole(event["data"])
    assert event["specversion"] == "1.0"
    assert event["source"] == "svc-user"
    assert event["dataschema"] == f"urn:svc-user:schema:{event['type']}:1"
    return event


def _times_are_whole(value: Any) -> None:
    """Assert that every time in it is in UTC, with `Z`, in whole seconds."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            _times_are_whole(each)
    elif isinstance(value, str) and _MOMENT.fullmatch(value):
        assert _WHOLE_SECONDS.fullmatch(value), value


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
