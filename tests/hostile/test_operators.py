"""MongoDB's operators and expressions, wherever a request has a string or an object."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from service.app import OPERATIONS
from service.operation import Operation
from tests.client import Partner, Reply
from tests.hostile.bodies import dotted, objects_in, replaced, strings_in, whole_body, with_key

OPERATORS: tuple[Any, ...] = (
    {"$gt": ""},
    {"$where": "sleep(1000)"},
    [{"$regex": ".*"}],
)
KEYS = ("$where", "$set", "a.b", "$", ".", "\0", "_id", "partner", "outbox", "version", "__proto__")
EXPRESSIONS = ("$$ROOT", '{"$gt":""}', "\0$outbox", "^(a+)+$(?=")
REFUSED = {"INVALID_FORMAT", "NOT_ALLOWED_VALUE"}


async def asked(partner: Partner, operation: Operation, bodies: Iterable[Any]) -> list[Reply]:
    """The answers to all of them, each seen to be one that the operation declares."""
    return await asyncio.gather(*(ask(partner, operation, body) for body in bodies))


async def ask(partner: Partner, operation: Operation, body: Any) -> Reply:
    """The answer to a client; to a user where clients may not ask."""
    use = min(operation.callers)
    subject = "018f0000-0000-7000-8000-000000000000"
    token = "" if operation.scope == "public" else partner.token(subject=subject, use=use)
    return await partner.ask(operation.title, body, token, idempotency_key="one-and-the-same")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.title)
async def test_every_operation(partner: Partner, operation: Operation) -> None:
    """A string's place takes no operator, an object no key of MongoDB's, and a text is a text.

    The first two are a 400 that names the field; what reads like an expression is never a defect.
    """
    body = whole_body(operation)
    await refuses_operators(partner, operation, body)
    await refuses_keys(partner, operation, body)
    texts = [replaced(body, path, each) for path in strings_in(body) for each in EXPRESSIONS]
    assert all(reply.status < 500 for reply in await asked(partner, operation, texts))


async def refuses_operators(partner: Partner, operation: Operation, body: Any) -> None:
    """Assert that an operator where a string belongs is a 400 that names the field."""
    places = [(path, each) for path in strings_in(body) for each in OPERATORS]
    sent = (replaced(body, path, each) for path, each in places)
    for (path, _), reply in zip(places, await asked(partner, operation, sent), strict=True):
        assert reply.status == 400, path
        told = {where for code, where in reply.errors if code in REFUSED and where}
        assert any(where.startswith(dotted(path)) for where in told), (path, told)


async def refuses_keys(partner: Partner, operation: Operation, body: Any) -> None:
    """Assert that a key which MongoDB reads otherwise is an unknown field, in any object."""
    places = [(path, key) for path in objects_in(body) for key in KEYS]
    sent = (with_key(body, path, key, {"$gt": ""}) for path, key in places)
    for (path, key), reply in zip(places, await asked(partner, operation, sent), strict=True):
        assert ("UNKNOWN_FIELD", dotted((*path, key))) in reply.errors, reply.body
