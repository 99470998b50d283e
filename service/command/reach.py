"""Reaches the servers: for a tool that wants an answer now, for a worker that can wait a while."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import typer
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from pymongo.errors import PyMongoError

from service import resources
from service.command.failure import Failure, NoAnswer
from service.problems import Unavailable
from service.settings import Settings, WrongSetting

_CONNECT_DEADLINE = 5.0
_LOOK_EVERY = 0.5
_LEADERLESS = 2.0
"""Seconds in which JetStream answers, unless its servers have yet to choose a leader."""

NO_SET_ADVICE = "Start mongod with --replSet and initiate the set: one member is enough."


@asynccontextmanager
async def nats_client(settings: Settings, **options: Any) -> AsyncIterator[Client]:
    """A connection to NATS with the settings' credentials; the options are nats-py's.

    Raises: NoAnswer.
    """
    client = Client()
    errors: list[Exception] = []

    async def keep(error: Exception) -> None:
        errors.append(error)

    usual: dict[str, Any] = {
        "name": "svc-user command",
        "max_reconnect_attempts": 1,  # which gives up soon, while 0 would go on for ever
        "error_cb": keep,
        "disconnected_cb": None,
        "reconnected_cb": None,
    }
    try:
        async with asyncio.timeout(_CONNECT_DEADLINE):
            await resources.connect(client, settings, **usual | options)
    except (NatsError, OSError, ValueError) as error:
        cause = _cause(errors[-1] if errors else error)
        raise NoAnswer(f"NATS at {shown(settings.nats_url)} cannot be used: {cause}.") from error
    try:
        yield client
    finally:
        await client.close()


async def wait_for_servers(settings: Settings, patience: float) -> None:
    """Return as soon as NATS and MongoDB both answer.

    Raises: Failure, when that is not so after `patience` seconds; WrongSetting, of what no patience
    will mend.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    said: str | None = None
    while obstacle := await _obstacle(settings):
        if loop.time() > deadline:
            raise Failure(f"{obstacle} Given up after {patience:.0f} s.")
        if obstacle != said:
            typer.echo(f"{obstacle} Waiting up to {deadline - loop.time():.0f} s.", err=True)
            said = obstacle
        await asyncio.sleep(_LOOK_EVERY)


def shown(url: str) -> str:
    """A URL without the password that may be in it."""
    return re.sub(r"//[^/]*@", "//***@", url)


async def _obstacle(settings: Settings) -> str | None:
    return await _nats_obstacle(settings) or await _mongo_obstacle(settings)


async def _nats_obstacle(settings: Settings) -> str | None:
    try:
        async with nats_client(settings) as client:
            await client.jetstream(timeout=_LEADERLESS).account_info()
    except NoAnswer as failure:
        return str(failure)
    except NatsTimeoutError:
        return (
            f"JetStream at {shown(settings.nats_url)} does not answer: it may have no leader yet."
        )
    except NatsError:
        pass  # it answers, and what it says is met again, and told, when the worker starts
    return None


async def _mongo_obstacle(settings: Settings) -> str | None:
    """Raises: WrongSetting, for a server without transactions."""
    mongo = resources.open_mongo(settings)
    address = shown(settings.mongo_uri)
    try:
        hello = await mongo.hello()
    except Unavailable:
        return f"MongoDB at {address} does not answer."
    except PyMongoError as error:
        return f"MongoDB at {address} cannot be used: {error}."
    finally:
        await mongo.close()
    if "setName" in hello:
        return None
    if hello.get("isreplicaset"):
        return f"MongoDB at {address} is to be in a replica set that is not initiated yet."
    raise WrongSetting(f"SVC_USER_MONGO_URI is wrong: {address} is no replica set. {NO_SET_ADVICE}")


def _cause(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).removeprefix("nats: ").strip(".'\"") or type(error).__name__
