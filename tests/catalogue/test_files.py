"""`make schemas` and `make check`: what is committed is in step, and breaks nobody unawares."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service import __version__
from service.catalogue import __main__ as command
from service.catalogue import files

Json = dict[str, Any]
Edit = Callable[[Json], object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything as it should be; whoever changes it puts it right again."""
    folder = tmp_path_factory.mktemp("schemas")
    (folder / "client").mkdir()
    files.write(folder)
    return folder


def test_what_is_committed_is_in_step() -> None:
    assert files.out_of_step() == []
    assert command.main(["--check"]) == 0


def test_what_is_out_of_step_is_named(made: Path) -> None:
    """What is another, what is missing, and what should not be there."""
    assert files.out_of_step(made) == []
    (made / "catalogue/operations/user.get.json").write_text("{}")
    (made / "catalogue/asyncapi.json").unlink()
    (made / "client/services.py").write_text("another")
    (made / "catalogue/events/user.vanished.json").write_text("{}")
    assert files.out_of_step(made) == [
        "catalogue/asyncapi.json",
        "catalogue/events/user.vanished.json",
        "catalogue/operations/user.get.json",
        "client/services.py",
    ]
    files.write(made)
    assert files.out_of_step(made) == []


def test_a_release_keeps_all_of_it(made: Path) -> None:
    files.publish(made)
    assert files.published(made) == {"version": __version__, **files.catalogue()}


@pytest.mark.parametrize(
    ("edit", "version", "status", "told"),
    [
        (lambda c: c["operations"].pop("user.get"), "0.1.0", 0, "compatible  user.get: is new"),
        (lambda c: c["operations"].update(old=c["operations"]["user.get"]), "0.1.0", 1, "breaking"),
        (lambda c: c["operations"].update(old=c["operations"]["user.get"]), "1.9.9", 1, "breaking"),
        (lambda c: c, "0.1.0", 0, ""),
    ],
)
def test_a_break_needs_a_major_version(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    edit: Edit,
    version: str,
    status: int,
    told: str,
) -> None:
    """What was released is compared with; a first number that is higher lets anything change."""
    released: Json = json.loads(json.dumps(files.catalogue()))
    edit(released)
    monkeypatch.setattr(command, "published", lambda: {"version": version, **released})
    monkeypatch.setattr(command, "out_of_step", list)
    assert command.main(["--check"]) == status
    assert told in (printed := capsys.readouterr()).out
    assert bool(printed.err) == (status == 1)
    monkeypatch.setattr(command, "__version__", "2.0.0")
    assert command.main(["--check"]) == 0


def test_what_it_does_not_know_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--chekc"]) == 2
    assert "--check" in capsys.readouterr().err
