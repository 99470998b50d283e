"""The report of `svc-user import`: whatever a file has in it, and wherever it is to go."""

import json
from pathlib import Path
from uuid import uuid4

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
