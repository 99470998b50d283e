"""The report of `svc-user import`: whatever a file has in it, and wherever it is to go."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.program import run
from tests.cli.test_user_lines import ANN

DRY = ("--dry-run", "--partner", "acme", "--entity", str(uuid4()), "--data-dir", "/none")


def users(folder: Path, **fields: object) -> Path:
    """A file with a user who has these fields besides."""
    file = folder / "users.jsonl"
    file.write_text(json.dumps(ANN | {"verified": True} | fields) + "\n")
    return file


async def test_what_looks_like_markup_is_told_as_it_is(tmp_path: Path) -> None:
    status, text = await run("import", str(users(tmp_path, **{"[/b]": 1, ":bug:": 2})), *DRY)
    assert status == 1
    assert "[/b]" in text
    assert ":bug:" in text


async def test_the_file_that_is_read_is_not_written_over(tmp_path: Path) -> None:
    """By whatever name it is called."""
    file, link = users(tmp_path), tmp_path / "refused.csv"
    link.symlink_to(file)
    content = file.read_bytes()
    for report in (file, tmp_path / ".." / tmp_path.name / file.name, link):
        status, text = await run("import", str(file), "--report", str(report), *DRY)
        assert status == 2
        assert "is the file that is read" in text
        assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("report", "reason"),
    [("/dev/full", "No space left on device"), ("/no/folder/x.csv", "No such file or directory")],
)
async def test_a_report_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, report: str, reason: str
) -> None:
    status, text = await run("import", str(users(tmp_path, x=1)), "--report", report, *DRY)
    assert status == 2
    assert f"svc-user: --report {report} cannot be written: {reason}." in text
    assert "Traceback" not in text
