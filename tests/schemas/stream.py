"""An event stream that a test fills itself."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from nats.aio.client import Client as NatsClient

from schemas.client import AnyEvent, Client, Events
from service.resources import ensure_stream
from service.settings import read_settings

PARTNER = "acme"


class FilledStream:
    """Publishes sessions' ends, which are told apart by a number."""

    def __init__(self, nats: NatsClient) -> None:
        self._nats = nats

    async def make(self) -> None:
        """Make the stream, as a worker does."""
        await ensure_stream(self._nats.jetstream(), read_settings())

    async def publish(self, *numbers: int, partner: str = PARTNER) -> None:
        """Publish an event for each number; the same number twice is the same event twice."""
        for number in numbers:
            event = revoked(number, partner)
            await self.publish_raw(
                f"evt.token.{partner}.{event['subject']}.revoked", json.dumps(event).encode()
            )

    async def publish_raw(self, subject: str, body: bytes) -> None:
        """Publish anything, without the id that would let the stream refuse a repetition."""
        await self._nats.jetstream().publish(subject, body, timeout=10)


def revoked(number: int, partner: str = PARTNER) -> dict[str, Any]:
    """The event with the number."""
    session = f"00000000-0000-7000-8000-{number:012}"
    return {
        "specversion": "1.0",
        "id": f"event-{number}",
        "type": "token.revoked",
        "source": "svc-user",
        "subject": session,
        "time": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
        "datacontenttype": "application/json",
        "dataschema": "urn:svc-user:schema:token.revoked:1",
        "partnerid": partner,
        "aggregateversion": 1,
        "requestid": str(uuid4()),
        "actor": "tests",
        "data": {
            "changed": ["revoked"],
            "session_id": session,
            "user_id": None,
            "client_id": str(number),
            "reason": "revoked",
        },
    }


def number_of(event: AnyEvent) -> int:
    """The number that the event was published with."""
    assert event.type == "token.revoked"
    return int(event.data["client_id"])


async def read(client: Client, count: int, durable: str = "reader", **options: Any) -> list[int]:
    """The numbers of the next events for the reader, all of them handled."""
    async with client.events(durable, **options) as events:
        return await numbers(events, count)


async def numbers(events: Events, count: int) -> list[int]:
    """The numbers of so many events."""
    found: list[int] = []
    async for event in events:
        found.append(number_of(event))
        if len(found) == count:
            break
    return found
