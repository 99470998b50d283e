"""A request that a command sends for its user, and what to say when nobody answers it."""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import typer
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError, NoRespondersError

from schemas.heeding import heeding
from service.app import OPERATIONS
from service.command.failure import Failure, NoAnswer

REFUSED = 1
"""The exit status of a command whose request was refused."""
_PATIENCE = 5.0

Record = Mapping[str, Any]


async def asked(
    client: Client, subject: str, request: dict[str, Any], headers: dict[str, str]
) -> Record:
    """The reply to a request, of which a command must have one that is no refusal.

    Raises: NoAnswer; Failure; typer.Exit, once the refusal is printed.
    """
    _, service, partner, operation = subject.split(".")
    body, title = json.dumps(request).encode(), f"{service}.{operation}"
    reply = await ask(client, partner, title, body, headers, _PATIENCE)
    answer: Record = json.loads(reply.data)
    if is_refusal(reply):
        typer.echo(f"svc-user: {answer['status']}: {answer['detail']}", err=True)
        raise typer.Exit(REFUSED)
    return answer


async def ask(
    client: Client,
    partner: str,
    title: str,
    payload: bytes,
    headers: Mapping[str, str],
    patience: float,
    advice: str = "",
) -> Msg:
    """Send a request to the operation with this title, and give its reply.

    `advice` is what else to say when it does not come in time.

    Raises: NoAnswer; Failure, if it is too large to be sent.
    """
    subject = subject_of(title, partner)
    try:
        with heeding():
            return await client.request(subject, payload, timeout=patience, headers=dict(headers))
    except NoRespondersError:
        raise NoAnswer(_nobody(title, subject)) from None
    except MaxPayloadError:
        raise Failure("The request is larger than this NATS server takes.") from None
    except NatsError:
        raise NoAnswer(
            f"No reply to {subject} within {patience:g} s, though a worker may have carried it "
            f"out: `svc-user doctor` tells what is wrong{advice}."
        ) from None


def subject_of(title: str, partner: str) -> str:
    """Where to ask a partner's operation."""
    service, _, operation = title.partition(".")
    return f"svc.{service}.{partner}.{operation}"


def is_refusal(reply: Msg) -> bool:
    """Whether the reply is a refusal (ADR-32)."""
    return "Nats-Service-Error-Code" in (reply.headers or {})


def near(title: str) -> str:
    """The operations that may have been meant."""
    meant = did_you_mean(title, [operation.title for operation in OPERATIONS])
    return f"{meant}`svc-user operations` lists them all."


def did_you_mean(given: str, known: Sequence[str]) -> str:
    """A question that names those like it, with a space behind; nothing where there is none."""
    near = get_close_matches(given, known, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}? " if near else ""


def _nobody(title: str, subject: str) -> str:
    if all(operation.title != title for operation in OPERATIONS):
        return f"There is no operation {title}. {near(title)}"
    return f"No worker answers {subject}: start one, with `svc-user dev` or `svc-user serve`."
