"""Logs: JSON lines on standard error, or text for people, never with personal data in them."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

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
"""Keys whose values never reach a log, whoever logs them."""


def redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out the values that must not be in a log, at any depth."""
    for key in line:
        if key.lower() in _SECRET:
            line[key] = "[redacted]"
        elif isinstance(line[key], dict):
            line[key] = redact(_logger, _method, dict(line[key]))
    return line


def configure(level: str = "info", form: str = "json") -> None:
    """Set up structlog, and what the libraries log through the standard library."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    if form == "json":
        renderer: Any = structlog.processors.JSONRenderer(serializer=orjson.dumps)
        factory: Any = structlog.BytesLoggerFactory(sys.stderr.buffer)
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


class _Foreign(logging.Handler):
    """Passes on that a library logged something, without the text of it."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().warning(
            "library_log", logger=record.name, level_name=record.levelname, line=record.lineno
        )
