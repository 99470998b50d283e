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
    if not _SECRET.isdisjoint(line):
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
        lines = _Lines(sys.stderr.fileno())
        factory: Any = lambda *_: lines  # noqa: E731  # structlog asks for a factory
    else:
        factory = structlog.PrintLoggerFactory(sys.stderr)
    structlog.configure(
        processors=[*shared, renderer(form, colors=sys.stderr.isatty())],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    # The drivers' own lines may quote what they were given; only that they complained is kept.
    logging.basicConfig(level=logging.WARNING, handlers=[_Foreign()], force=True)


def renderer(form: str, colors: bool = False) -> Any:
    """What makes a line of a log's entry, `json` or `text`.

    No value can end the line or command a terminal: what does not print is escaped.
    """
    if form == "json":
        return structlog.processors.JSONRenderer(serializer=_json)
    console = structlog.dev.ConsoleRenderer(colors=colors)
    return lambda logger, method, entry: console(logger, method, _printable(entry))


def _json(entry: Any, **options: Any) -> bytes:
    """One line of JSON; beyond what JSON escapes itself, all that does not print is ASCII."""
    try:
        line = orjson.dumps(entry, **options)
    except orjson.JSONEncodeError:  # half of a surrogate pair, which UTF-8 does not have
        line = orjson.dumps(_printable(entry), **options)
    if line.isascii() and b"\x7f" not in line:
        return line
    return _escaped(line.decode()).encode()


def _printable(value: Any) -> Any:
    """The same, in what a terminal shows and does not obey."""
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, dict):
        return {_printable(key): _printable(each) for key, each in value.items()}
    return [_printable(each) for each in value] if isinstance(value, list | tuple) else value


def _escaped(text: str) -> str:
    """The text with each character that does not print as JSON escapes it, in UTF-16."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


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
