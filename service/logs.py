"""Logs: JSON lines on standard error, or text for people, never with personal data in them."""

import asyncio
import atexit
import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

from service.tracing import log_request

_SECRET = frozenset(
    {
        "token",
        "authorization",
        "password",
        "client_secret",
        "registration_code",
        "registrationcode",
        "access_token",
        "refresh_token",
        "member_access_token",
        "confirmation_code",
        "email",
        "contact_email",
        "phone_number",
        "first_name",
        "last_name",
        "name",
        "date_of_birth",
        "id_number",
        "permit_number",
        "address",
        "social_security_number",
        "ssn",
        "identification_number",
        "account_number",
        "document_number",
        "body",
        "payload",
        "uri",
    }
)
"""Keys, in lower case as all are, whose values never reach a log, whoever logs them."""


def redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out the values that must not be in a log, at any depth."""
    for key in line.keys() & _SECRET:
        line[key] = "[redacted]"
    for key, value in line.items():
        if isinstance(value, dict | list):
            line[key] = _redacted(value)
    return line


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        return redact(None, "", dict(value))
    return [_redacted(each) for each in value] if isinstance(value, list) else value


def configure(level: str = "info", form: str = "json") -> None:
    """Set up structlog, and what the libraries log through the standard library."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        log_request,
        redact,
    ]
    if form == "json":
        renderer: Any = structlog.processors.JSONRenderer(serializer=orjson.dumps)
        lines = _Lines(sys.stderr.fileno())
        factory: Any = lambda *_: lines  # noqa: E731  # structlog asks for a factory
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        factory = structlog.PrintLoggerFactory(sys.stderr)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    # The drivers' own lines may quote what they were given; only that they complained is kept.
    logging.basicConfig(level=logging.WARNING, handlers=[_Foreign()], force=True)


class _Lines:
    """Writes the lines of a loop's last moments in one go, and at once where no loop runs.

    A write is a system call that lets go of the interpreter's lock: at some thousand requests a
    second, one for each costs more than making its line.
    """

    _MOMENT = 0.02

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: list[bytes] = []
        atexit.register(self._flush)

    def msg(self, line: bytes) -> None:
        """Take a line; a structlog logger's one method, whatever the level."""
        self._lines.append(line + b"\n")
        if len(self._lines) > 1:
            return
        try:
            asyncio.get_running_loop().call_later(self._MOMENT, self._flush)
        except RuntimeError:
            self._flush()

    debug = info = warning = error = critical = msg

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        text = memoryview(b"".join(lines))
        while text:
            text = text[os.write(self._descriptor, text) :]


class _Foreign(logging.Handler):
    """Passes on that a library logged something, without the text of it."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().warning(
            "library_log", logger=record.name, level_name=record.levelname, line=record.lineno
        )
