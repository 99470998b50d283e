"""Examines NATS as a worker needs it: connection, JetStream, the event stream, its clock."""

import time
from datetime import datetime
from typing import Any

import orjson
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from service.bus.discovery import NAME
from service.command.failure import NoAnswer
from service.command.findings import Finding, clock, ok, unknown, wrong
from service.command.reach import nats_client, shown
from service.resources import STREAM, stream_config
from service.settings import Settings

_OLDEST = (2, 12)
"""The first nats-server that checks an expected sequence against a filter of subjects."""

_TIMEOUT = 2.0
_COMPARED = (
    "subjects", "retention", "storage", "discard", "num_replicas", "max_age", "max_bytes",
    "allow_direct",
)  # fmt: skip


async def check_nats(settings: Settings) -> list[Finding]:
    """Look at NATS, and at what is kept in it."""
    try:
        async with nats_client(settings) as client:
            return [
                _version(client, settings),
                await _jetstream(client),
                await _stream(client, settings),
                await _clock(client),
                await _workers(client),
            ]
    except NoAnswer as failure:
        advice = "Start it, or correct SVC_USER_NATS_URL and what goes with it."
        rest = ("JetStream", "event stream", "clock of NATS", "workers")
        return [wrong("NATS", str(failure), advice), *(unknown(each, "") for each in rest)]


def _version(client: Client, settings: Settings) -> Finding:
    version = client.connected_server_version
    found = f"{version.major}.{version.minor}.{version.patch} at {shown(settings.nats_url)}"
    if (version.major, version.minor) < _OLDEST:
        return wrong("NATS", found, "Use nats-server {}.{} or newer.".format(*_OLDEST))
    return ok("NATS", found)


async def _jetstream(client: Client) -> Finding:
    try:
        account = await client.jetstream().account_info()
    except NatsError as error:
        advice = "Start nats-server with --jetstream, and let this account use it."
        return wrong("JetStream", str(error), advice)
    return ok("JetStream", f"{account.storage:,} bytes on disk")


async def _stream(client: Client, settings: Settings) -> Finding:
    what = "event stream"
    try:
        info = await client.jetstream().stream_info(STREAM)
    except NotFoundError:
        return wrong(what, f"there is no {STREAM}", "A worker makes it: start `svc-user serve`.")
    except NatsError as error:
        return unknown(what, str(error))
    differing = _differences(info.config, stream_config(settings))
    if differing:
        advice = "A worker that starts with these settings brings it in line."
        return wrong(what, f"{STREAM} differs in {', '.join(differing)}", advice)
    return ok(what, f"{STREAM}, events: {info.state.messages:,}")


def _differences(config: StreamConfig, wanted: StreamConfig) -> list[str]:
    return [name for name in _COMPARED if getattr(config, name) != getattr(wanted, name)]


async def _clock(client: Client) -> Finding:
    """NATS tells its time with what it tells of a stream."""
    what = "clock of NATS"
    asked = time.time()
    try:
        reply = await client.request(f"$JS.API.STREAM.INFO.{STREAM}", timeout=_TIMEOUT)
        told = datetime.fromisoformat(orjson.loads(reply.data)["ts"])
    except (NatsError, KeyError, ValueError):
        return unknown(what, "it does not tell")
    return clock(what, (asked + time.time()) / 2 - told.timestamp())


async def _workers(client: Client) -> Finding:
    try:
        reply = await client.request(f"$SRV.PING.{NAME}", timeout=_TIMEOUT)
    except NoRespondersError:
        return unknown("workers", "none answers", "Start `svc-user serve`, or `svc-user dev`.")
    except NatsError as error:
        return unknown("workers", str(error))
    worker: dict[str, Any] = orjson.loads(reply.data)
    return ok("workers", f"{worker['name']} {worker['version']} answers")
