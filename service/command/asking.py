"""Asks a worker on behalf of a command, and ends the command where that is refused."""

import json
from collections.abc import Mapping
from typing import Any

import typer
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from service.command.failure import NoAnswer

_REFUSED = 1
_PATIENCE = 5.0

Record = Mapping[str, Any]


async def asked(
    client: Client, subject: str, request: dict[str, Any], headers: dict[str, str]
) -> Record:
    """The reply to a request.

    Raises: NoAnswer; typer.Exit, once the refusal is printed.
    """
    try:
        body = json.dumps(request).encode()
        reply = await client.request(subject, body, timeout=_PATIENCE, headers=headers)
    except NoRespondersError:
        raise NoAnswer(
            f"No worker answers {subject}: start one, with `svc-user dev` or `svc-user serve`."
        ) from None
    except NatsError:
        raise NoAnswer(
            f"No reply to {subject} within {_PATIENCE:g} s: `svc-user doctor` tells what is wrong."
        ) from None
    answer: Record = json.loads(reply.data)
    if "Nats-Service-Error-Code" in (reply.headers or {}):
        typer.echo(f"svc-user: {answer['status']}: {answer['detail']}", err=True)
        raise typer.Exit(_REFUSED)
    return answer
