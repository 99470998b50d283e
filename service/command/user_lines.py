"""The lines of a file of users: read as they are needed, judged as the service would judge them.

Nothing but one line is in memory at a time, however long the file is, and whatever is in it.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, BinaryIO, Literal

import orjson
from pydantic import ValidationError

from schemas.problem import FieldError
from schemas.user import Address, CreateUser
from service.command.failure import Failure
from service.refusals import invalid_request

Format = Literal["csv", "jsonl"]

LONGEST = 1 << 20
"""Bytes of a line; no user is as long. What is longer is refused, and not kept in memory."""
_LONGEST_CELL = 16_384
"""Far more than any field may have, and as far as a quote that is never closed is followed."""
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATORS = ",;\t"
_FILE_CODE = "INVALID_LINE"

FIELDS = (
    *(name for name in CreateUser.model_fields if name != "address"),
    *(f"address.{name}" for name in Address.model_fields),
)
"""What a header may name."""
REQUIRED = tuple(
    name
    for name, field in CreateUser.model_fields.items()
    if field.is_required() and name != "entity_id"
)
ALIASES: Mapping[str, str] = {
    "given_name": "first_name",
    "forename": "first_name",
    "surname": "last_name",
    "family_name": "last_name",
    "mail": "email",
    "email_address": "email",
    "phone": "phone_number",
    "mobile": "phone_number",
    "dob": "date_of_birth",
    "birth_date": "date_of_birth",
    "id_issue_expiry": "id_issue_expiry_date",
    "id_expiry_date": "id_issue_expiry_date",
    "permit": "permit_number",
}
"""Other names that a header may have for a field."""
_YES_AND_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _plain(name: str) -> str:
    """A name in the form in which names are compared: `First Name` is `first_name`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


_BY_PLAIN_NAME = {_plain(name): name for name in FIELDS} | {
    _plain(alias): name for alias, name in ALIASES.items()
}


@dataclass(frozen=True, slots=True)
class UserLine:
    """A line with a user, ready to be sent."""

    number: int
    body: bytes
    content: str
    """The same however it is written: field by field, as the service understands it."""


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that is no user, and why."""

    number: int
    errors: list[FieldError]


Line = UserLine | RefusedLine


class UserFile:
    """A file of users of one entity; iterating gives its lines, empty ones left out."""

    def __init__(self, stream: BinaryIO, name: str, form: Format, entity_id: str) -> None:
        """Read the header, where the form has one.

        Raises: Failure, if the header is not one.
        """
        self.bytes_read = 0
        self._stream = stream
        self._name = name
        self._entity_id = entity_id
        self._lines_read = 0
        self._records = self._csv_records() if form == "csv" else self._json_records()

    def __iter__(self) -> Iterator[Line]:
        return self._records

    def _csv_records(self) -> Iterator[Line]:
        csv.field_size_limit(_LONGEST_CELL)
        names, separator = self._header()
        rows = csv.reader(self._text_lines(), delimiter=separator, strict=True)
        return self._from_rows(rows, names)

    def _from_rows(self, rows: Iterator[list[str]], names: list[str]) -> Iterator[Line]:
        while True:
            number = self._lines_read + 1
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                to = f" The next line that is read is {self._lines_read + 1}."
                passed = to if self._lines_read > number else ""
                yield _refused(number, f"Not CSV: {_said(error)}.{passed}")
                continue
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                message = f"{len(cells)} values, where the header has {len(names)} names."
                yield _refused(number, message)
                continue
            yield self._judged(number, _fields(names, cells))

    def _header(self) -> tuple[list[str], str]:
        for line in self._text_lines():
            if line.strip():
                break
        else:
            raise Failure(f"{self._name} is empty: its first line must name the fields.")
        separator = max(_SEPARATORS, key=line.count)
        try:
            cells = next(csv.reader([line.rstrip("\r\n")], delimiter=separator, strict=True))
        except csv.Error as error:
            raise Failure(f"The header of {self._name} is not CSV: {_said(error)}.") from None
        return _names_of(cells, self._name), separator

    def _json_records(self) -> Iterator[Line]:
        for line in self._byte_lines():
            number = self._lines_read
            if not line.strip():
                continue
            if len(line) > LONGEST:
                yield _refused(number, "The line is longer than 1 MiB.", "TOO_LARGE")
                continue
            try:
                told = orjson.loads(line)
            except orjson.JSONDecodeError:
                yield _refused(number, "The line is not JSON in UTF-8.", "INVALID_JSON")
                continue
            if not isinstance(told, dict):
                yield _refused(number, "The line is not a JSON object.", "INVALID_JSON")
                continue
            yield self._judged(number, told)

    def _judged(self, number: int, told: dict[str, Any]) -> Line:
        """The line, if the service would take what it tells."""
        if told.setdefault("entity_id", self._entity_id) != self._entity_id:
            message = "Another entity than --entity names."
            return _refused(number, message, "NOT_ALLOWED_VALUE", "entity_id")
        body = b""
        try:
            # What came as bytes that are no text becomes what is no text in JSON either.
            body = orjson.dumps(told)
            user = CreateUser.__pydantic_validator__.validate_json(body)
        except ValidationError as error:
            return RefusedLine(number, invalid_request(error, body).errors())
        except orjson.JSONEncodeError as error:
            if "Recursion" in str(error):
                return _refused(number, "The line is nested too deeply.", "INVALID_JSON")
            return _refused(number, "A value is not text in UTF-8.", "INVALID_FORMAT", _torn(told))
        return UserLine(number, body, user.model_dump_json(exclude_none=True))

    def _text_lines(self) -> Iterator[str]:
        for line in self._byte_lines():
            yield line.decode("utf-8", "surrogateescape")

    def _byte_lines(self) -> Iterator[bytes]:
        """The lines with their ends; of one that is too long, only as much as shows it.

        Raises: Failure, if they are in another encoding.
        """
        while line := self._stream.readline(LONGEST + 1):
            self.bytes_read += len(line)
            if self._lines_read == 0:
                if line.startswith(_UTF_16) or b"\0" in line[:4]:
                    raise Failure(f"{self._name} is in UTF-16: save it in UTF-8.")
                line = line.removeprefix(_BOM)
            rest = line
            while len(rest) > LONGEST and not rest.endswith(b"\n"):
                rest = self._stream.readline(LONGEST + 1)
                self.bytes_read += len(rest)
            self._lines_read += 1
            yield line


def _said(error: csv.Error) -> str:
    """What is wrong with the CSV; what Python advises its programmers is left out."""
    if "new-line" in str(error):
        return "it has a CR alone, and lines end in LF or CRLF"
    return str(error)


def _names_of(cells: list[str], file: str) -> list[str]:
    """The fields that a header names.

    Raises: Failure.
    """
    names = []
    for cell in cells:
        name = _BY_PLAIN_NAME.get(_plain(cell))
        if name is None:
            raise Failure(f"The header of {file} names `{_shown(cell)}`, {_meant(cell)}.")
        if name in names:
            raise Failure(f"The header of {file} names {name} twice.")
        names.append(name)
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise Failure(f"The header of {file} lacks {', '.join(missing)}.")
    return names


def _meant(cell: str) -> str:
    near = get_close_matches(_plain(cell), _BY_PLAIN_NAME, n=1)
    if near:
        return f"which is no field of a user. Did you mean {_BY_PLAIN_NAME[near[0]]}?"
    return f"which is no field of a user. All there are: {', '.join(FIELDS)}"


def _shown(cell: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in cell[:64])


def _fields(names: list[str], cells: list[str]) -> dict[str, Any]:
    """The request's fields; an empty cell is a field that is left out."""
    told: dict[str, Any] = {}
    address: dict[str, Any] = {}
    for name, cell in zip(names, cells, strict=True):
        value = cell.strip()
        if not value:
            continue
        if name == "verified":
            told[name] = _YES_AND_NO.get(value.lower(), value)
        elif name.startswith("address."):
            address[name.removeprefix("address.")] = value
        else:
            told[name] = value
    return told | {"address": address} if address else told


def _torn(told: Mapping[str, Any]) -> str | None:
    """The field whose value cannot be written as UTF-8."""
    for name, value in told.items():
        try:
            orjson.dumps(value)
        except orjson.JSONEncodeError:
            return name
    return None


def _refused(
    number: int, message: str, code: str = _FILE_CODE, path: str | None = None
) -> RefusedLine:
    return RefusedLine(number, [FieldError(code=code, message=message, path=path, arguments=[])])
