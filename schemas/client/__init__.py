"""A typed client of svc-user, the one place in `schemas` with I/O.

    async with Client.connected("nats://127.0.0.1:4222", "acme", token) as client:
        user = await client.user.create(CreateUser(...))

Each operation is a method, in `services`; each refusal an exception, by its code in `codes` and by
its status in `refusals`; `client.events` gives events as they come. What is asked and answered is
described in the other modules of `schemas`.
"""

from schemas.client.client import Client
from schemas.client.contract import Reply
from schemas.client.events import Events
from schemas.client.known_events import AnyEvent, EventName
from schemas.client.received import Received, UnreadableEvent
from schemas.client.refusals import (
    BadRequest,
    ClientError,
    Conflict,
    Forbidden,
    InternalServerError,
    MethodNotAllowed,
    NoAnswer,
    NotFound,
    NotReached,
    Refusal,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    UnexpectedReply,
)
from schemas.client.tokens import ClientCredentials
from schemas.client.wanted import ReaderTaken

__all__ = [
    "AnyEvent",
    "BadRequest",
    "Client",
    "ClientCredentials",
    "ClientError",
    "Conflict",
    "EventName",
    "Events",
    "Forbidden",
    "InternalServerError",
    "MethodNotAllowed",
    "NoAnswer",
    "NotFound",
    "NotReached",
    "ReaderTaken",
    "Received",
    "Refusal",
    "Reply",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unauthorized",
    "UnexpectedReply",
    "UnreadableEvent",
]
