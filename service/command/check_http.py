"""Examines what lets a worker be seen: its HTTP port, and where its traces go."""

import asyncio
import os
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec

import orjson

from service.command.findings import Finding, ok, unknown, wrong
from service.monitor.health import OK
from service.monitor.monitor import READY
from service.monitor.traces import EXTRA_MISSING, asked_for
from service.settings import Settings

_TIMEOUT = 2.0
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # not listened on here


async def check_http(settings: Settings) -> Finding:
    """Ask the worker that should be there whether it is ready."""
    if settings.http_port == 0:
        return unknown("HTTP port", "none", "Set SVC_USER_HTTP_PORT for probes and metrics.")
    place = f"{settings.http_host}:{settings.http_port}"
    try:
        status, checks = await asyncio.to_thread(_ready, settings)
    except OSError:
        return unknown("HTTP port", f"{place}, where nothing listens", "Start `svc-user serve`.")
    except (HTTPException, ValueError):
        return wrong("HTTP port", f"{place} is another program's", "Choose another port.")
    if status != 200:
        found = ", ".join(f"{name} {what}" for name, what in checks.items() if what != OK)
        return wrong("HTTP port", f"{place}, not ready: {found}", "See to what is named.")
    return ok("HTTP port", f"{place}, ready")


def check_traces() -> Finding:
    """Look at the variables that ask for traces."""
    if not asked_for(os.environ):
        return unknown("traces", "not asked for by OTEL_EXPORTER_OTLP_ENDPOINT or another OTEL_…")
    if find_spec("opentelemetry.sdk") is None:
        return wrong("traces", EXTRA_MISSING, "Install it: `pip install svc-user[otel]`.")
    return ok("traces", "asked for by OTEL_… variables")


def _ready(settings: Settings) -> tuple[int, dict[str, str]]:
    """Raises: OSError; HTTPException, ValueError: it is no worker that answers."""
    host = _ANYWHERE.get(settings.http_host, settings.http_host)
    connection = HTTPConnection(host, settings.http_port, timeout=_TIMEOUT)
    try:
        connection.request("GET", READY)
        response = connection.getresponse()
        told = orjson.loads(response.read())
        if not isinstance(told, dict) or not isinstance(told.get("checks"), dict):
            raise ValueError
        return response.status, told["checks"]
    finally:
        connection.close()
