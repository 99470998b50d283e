"""The lines of a file of users: CSV as it comes, JSON lines, and what is wrong with either."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.user import CreateUser
from service.command.failure import Failure
from service.command.user_lines import (
    ALIASES,
    FIELDS,
    LONGEST,
    Format,
    Line,
    RefusedLine,
    UserFile,
    UserLine,
)

ENTITY = "0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d"
ANN: dict[str, str] = {
    "first_name": "Ann",
    "last_name": "Example",
    "email": "ann@example.com",
    "phone_number": "+27115550100",
    "gender": "F",
    "date_of_birth": "1990-05-17",
    "country": "ZAF",
    "city": "Johannesburg",
    "residency": "South Africa",
    "id_number": "9001015800084",
    "id_type": "National",
    "id_issue_date": "2020-01-15",
    "title": "Ms",
    "verified": "no",
    "permit_number": "P-1042",
}


def row(**cells: str) -> str:
    """A line of CSV, without its end."""
    return ",".join((ANN | cells).values())


HEADER = ",".join(ANN)


def read(content: str | bytes, form: Format = "csv") -> list[Line]:
    """The lines of a file with this content."""
    data = content if isinstance(content, bytes) else content.encode()
    return list(UserFile(io.BytesIO(data), "users.csv", form, ENTITY))


def told(line: Line) -> dict[str, Any]:
    """What is sent of a line that is not refused."""
    assert isinstance(line, UserLine), line
    body: dict[str, Any] = json.loads(line.body)
    return body


def errors(line: Line) -> tuple[int, str, str | None]:
    """Number of a refused line, code and path of its first error."""
    assert isinstance(line, RefusedLine), line
    return line.number, line.errors[0]["code"], line.errors[0]["path"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\N{ZERO WIDTH NO-BREAK SPACE}"])
def test_csv_as_other_programs_write_it(bom: str, end: str) -> None:
    """With a BOM, either end of line, empty lines, and line ends within quotes."""
    torn = '"Jo\n""hannes""\nburg"'
    lines = ["", HEADER, "", row(), " , " + "," * (len(ANN) - 2), row(city=torn), row(), ""]
    first, second, third = read(bom + end.join(lines))
    assert told(first) == ANN | {"verified": False, "entity_id": ENTITY}
    assert told(second)["city"] == 'Jo\n"hannes"\nburg'
    numbers = [line.number for line in (first, second, third)]
    assert numbers == [4, 6, 9]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_names_may_be_written_as_people_do(separator: str) -> None:
    """An alias stands for its field, and an address has its names after a dot."""
    header = separator.join(
        name.replace("_", " ").title() for name in ANN if name not in {"last_name", "email"}
    )
    header = separator.join((header, "SURNAME", "E-Mail", *ADDRESS))
    cells = [value for name, value in ANN.items() if name not in {"last_name", "email"}]
    cells += ["Example", "ann@example.com", *ADDRESS.values()]
    (line,) = read(f"{header}\n{separator.join(cells)}\n")
    body = told(line)
    assert body["last_name"] == "Example"
    assert body["address"] == {"countryCode": "ZA", "firstLine": "1 Long St"} | {
        "postCode": "8001",
        "city": "Cape Town",
    }


ADDRESS = {
    "address.countryCode": "ZA",
    "Address First Line": "1 Long St",
    "address_post_code": "8001",
    "address.city": "Cape Town",
}


def test_every_field_of_the_operation_can_be_named_and_every_alias_means_one() -> None:
    named = {name.partition(".")[0] for name in FIELDS}
    assert named == set(CreateUser.model_fields)
    assert set(ALIASES.values()) <= set(FIELDS)
    assert not set(ALIASES) & set(FIELDS)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("", "users.csv is empty"),
        ("\n\n", "users.csv is empty"),
        (HEADER + ",emial", "names `emial`, which is no field of a user. Did you mean email?"),
        (HEADER + ",zzz", "names `zzz`, which is no field of a user. All there are: first_name"),
        (HEADER + ",", "names ``"),
        (HEADER + ",E-Mail", "names email twice"),
        ("first_name;last_name", "lacks email, phone_number"),
        ('"first_name', "is not CSV"),
        (row(), "names `Ann`"),
        (HEADER.replace(",", "\r"), "it has a CR alone, and lines end in LF or CRLF."),
        (HEADER.encode("utf-16"), "is in UTF-16: save it in UTF-8."),
        (HEADER.encode("utf-16-be"), "is in UTF-16: save it in UTF-8."),
    ],
)
def test_a_header_that_is_none_is_refused_by_a_sentence(header: str | bytes, sentence: str) -> None:
    with pytest.raises(Failure, match=r"users\.csv") as refused:
        read(header)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("line", "code", "path"),
    [
        (row(email="nobody"), "INVALID_FORMAT", "email"),
        (row(email=""), "REQUIRED", "email"),
        (row(country="ZZZ"), "NOT_ALLOWED_VALUE", "country"),
        (row(verified="perhaps"), "INVALID_FORMAT", "verified"),
        (row(id_type="passport"), "REQUIRED", "id_issue_expiry_date"),
        (row() + ",more", "INVALID_LINE", None),
        ("Ann,Example", "INVALID_LINE", None),
        ('"Ann"x' + row()[3:], "INVALID_LINE", None),
        (row().encode().replace(b"Johannesburg", b"K\xf6ln"), "INVALID_FORMAT", "city"),
        ("x" * (3 * LONGEST), "INVALID_LINE", None),
        (",".join("x" * 9_000 for _ in range(400)), "INVALID_LINE", None),
    ],
)
def test_a_bad_line_is_refused_alone(line: str | bytes, code: str, path: str | None) -> None:
    """Its number, code and path are told; the lines around it are read."""
    bad = line if isinstance(line, bytes) else line.encode()
    before, refused, after = read(
        b"\n".join((HEADER.encode(), row().encode(), bad, row().encode()))
    )
    assert errors(refused) == (3, code, path)
    assert told(before) == told(after)
    assert after.number == 4


def test_a_quote_that_is_never_closed_ends_somewhere() -> None:
    """Where it has gone too far, and that is said; what comes then is read again."""
    lines = [HEADER, '"' + row()[:-1], *(row() for _ in range(300)), row()]
    refused, *rest = read("\n".join(lines))
    assert isinstance(refused, RefusedLine)
    assert refused.number == 2
    next_line = int(refused.errors[0]["message"].rstrip(".").rpartition(" ")[2])
    assert [line.number for line in rest] == list(range(next_line, 304))
    assert 2 < next_line < 200


def test_what_is_wrong_with_a_line_is_told_in_words_of_the_file() -> None:
    """Not in those of the libraries that read it."""
    (torn,) = read(f"{HEADER}\n{row(city='Jo')}\r{row()}\n")
    deep = json.dumps(ANN)[:-1] + ', "avatar": ' + "[" * 300 + "]" * 300 + "}"
    (nested,) = read(deep, "jsonl")
    assert isinstance(torn, RefusedLine)
    assert isinstance(nested, RefusedLine)
    assert torn.errors[0]["message"] == "Not CSV: it has a CR alone, and lines end in LF or CRLF."
    assert nested.errors[0]["message"] == "The line is nested too deeply."
    with pytest.raises(Failure, match="UTF-16"):
        read(json.dumps(ANN).encode("utf-16"), "jsonl")


def test_json_lines() -> None:
    """One object each, in the names of the wire; the entity may be left out, but not another."""
    user: dict[str, Any] = ANN | {"verified": True}
    lines = [
        json.dumps(user),
        "",
        json.dumps(user | {"entity_id": ENTITY}) + "\r",
        json.dumps(user | {"entity_id": ENTITY.replace("8", "9")}),
        json.dumps(user | {"nick": 1}),
        json.dumps(user | {"verified": "yes"}),
        "[]",
        "{",
        '{"email": "' + "x" * LONGEST + '"}',
    ]
    data = b"\xef\xbb\xbf" + "\n".join(lines).encode() + b'\n{"first_name": "\xff"}\n'
    first, second, *refused = read(data, "jsonl")
    assert told(first) == told(second) == user | {"entity_id": ENTITY}
    assert [errors(line) for line in refused] == [
        (4, "NOT_ALLOWED_VALUE", "entity_id"),
        (5, "UNKNOWN_FIELD", "nick"),
        (6, "INVALID_FORMAT", "verified"),
        (7, "INVALID_JSON", None),
        (8, "INVALID_JSON", None),
        (9, "TOO_LARGE", None),
        (10, "INVALID_JSON", None),
    ]


def test_the_content_of_a_line_is_the_same_however_it_is_written() -> None:
    """Not so of a line that says something else."""
    (csv,) = read(f"{HEADER}\n{row(city=' Johannesburg ')}")
    (dated,) = read(f"{HEADER}\n{row(date_of_birth='1990-05-17T02:00:00+02:00')}")
    turned = dict(reversed((ANN | {"verified": False}).items()))
    (json_line,) = read(json.dumps(turned), "jsonl")
    (other,) = read(f"{HEADER}\n{row(city='Pretoria')}")
    assert isinstance(csv, UserLine)
    assert isinstance(dated, UserLine)
    assert isinstance(json_line, UserLine)
    assert isinstance(other, UserLine)
    assert csv.content == dated.content == json_line.content
    assert csv.content != other.content


class Endless(io.RawIOBase):
    """A file far larger than memory should be, made as it is read."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._rest = self._rest or next(self._parts, b"")
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def test_a_long_file_and_a_long_line_are_not_kept_in_memory() -> None:
    """40 MB in one line, and some thousand lines after it."""

    def parts() -> Iterator[bytes]:
        yield HEADER.encode() + b"\n"
        for _ in range(40):
            yield b"x" * 1_000_000
        yield b"\n" + b"\n".join(row().encode() for _ in range(3_000))

    tracemalloc.start()
    try:
        stream = io.BufferedReader(Endless(parts()))
        users = UserFile(stream, "users.csv", "csv", ENTITY)
        count = sum(isinstance(line, UserLine) for line in users)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 3_000
    assert peak < 12_000_000
    assert users.bytes_read > 40_000_000
