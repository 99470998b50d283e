"""`svc-user nats-config`: secrets are for their owner alone, shown nowhere, and made once."""

import base64
import json
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke


def secrets_in(folder: Path) -> dict[str, str]:
    """The files that hold seeds, by their place."""
    files = [*folder.rglob("*.nk"), *folder.rglob("*.creds")]
    return {str(path.relative_to(folder)): path.read_text() for path in files}


async def test_secrets_are_for_their_owner_alone(invoke: Invoke, tmp_path: Path) -> None:
    """Seeds and credentials have mode 600 and are not printed; what servers read has no seed."""
    of = ("nats-config", "--nats-dir", tmp_path / "nats")
    result = await invoke(*of, "--partner", "acme", "--partner", "globex")
    assert result.exit_code == 0, result.output
    secrets = secrets_in(tmp_path / "nats")
    assert {"operator.nk", "service.creds", "partners/acme.nk", "partners/acme.creds"} < set(
        secrets
    )
    shown = result.output + (tmp_path / "nats/accounts.conf").read_text()
    for name, text in secrets.items():
        path = tmp_path / "nats" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, name
        [seed] = [line for line in text.splitlines() if line.startswith("S") and " " not in line]
        assert len(seed) == 58
        assert seed not in shown, name
    assert "eyJ" not in result.output


async def test_what_is_there_stays(invoke: Invoke, tmp_path: Path) -> None:
    """A second run adds, and changes no key; deleted credentials are made anew by the next."""
    of = ("nats-config", "--nats-dir", tmp_path)
    await invoke(*of, "--partner", "acme", "--consumer", "crm")
    before = secrets_in(tmp_path)
    result = await invoke(*of, "--partner", "globex")
    after = secrets_in(tmp_path)
    assert after.items() > before.items()
    assert set(after) - set(before) == {"partners/globex.nk", "partners/globex.creds"}
    assert json.loads((tmp_path / "consumers.json").read_text()) == {
        "acme": ["acme", "acme+crm"],
        "globex": ["globex"],
    }
    lines = {line.split()[0]: line for line in result.output.splitlines() if ".creds " in line}
    assert "was there" in lines[str(tmp_path / "partners/acme.creds")]
    assert "made" in lines[str(tmp_path / "partners/globex.creds")]

    (tmp_path / "partners/acme.creds").unlink()
    await invoke(*of)
    renewed = secrets_in(tmp_path)
    changed = {name for name in renewed if renewed[name] != after[name]}
    assert changed == {"partners/acme.creds"}


async def test_a_partner_whose_files_are_deleted_is_gone(invoke: Invoke, tmp_path: Path) -> None:
    of = ("nats-config", "--nats-dir", tmp_path)
    await invoke(*of, "--partner", "acme", "--partner", "globex")
    for path in (tmp_path / "partners").glob("acme.*"):
        path.unlink()
    await invoke(*of)
    assert "partner acme" not in (tmp_path / "accounts.conf").read_text()
    assert json.loads((tmp_path / "consumers.json").read_text()) == {"globex": ["globex"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--partner", "a.b"), "a partner is 1 to 64"),
        (("--partner", "*"), "a partner is 1 to 64"),
        (("--partner", "acme", "--consumer", "a+b"), "a consumer is 1 to 64"),
        (("--partner", "acme", "--days", "4000000"), "--days"),
        (("--partner", "acme", "--days", "9999999999999999"), "--days"),
        (("--consumer", "crm"), "--partner"),
        (("--partner", "acme", "--scope", "everything"), "no scope is called everything"),
        (("--partner", "acme", "--partner", "Acme"), "in case only"),
    ],
)
async def test_what_cannot_be_is_a_sentence(
    invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = await invoke("nats-config", "--nats-dir", tmp_path, *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert not any(name.endswith(".creds") for name in secrets_in(tmp_path))


async def test_files_that_are_something_else_are_a_sentence(invoke: Invoke, tmp_path: Path) -> None:
    of = ("nats-config", "--nats-dir", tmp_path)
    await invoke(*of, "--partner", "acme")
    for name in ("service.creds", "consumers.json", "operator.nk"):
        kept = (tmp_path / name).read_text()
        (tmp_path / name).write_text("something else")
        result = await invoke(*of)
        assert result.exit_code == 2
        assert name in result.stderr
        assert "something else" not in result.output
        (tmp_path / name).write_text(kept)


@pytest.mark.parametrize("text", ["[]", "5", '{"acme": 5}', '{"acme": "x"}', '{"acme": [5]}'])
@pytest.mark.parametrize("command", ["nats-config", "nats-consumers"])
async def test_consumers_of_another_shape_are_a_sentence(
    invoke: Invoke, tmp_path: Path, command: str, text: str
) -> None:
    await invoke("nats-config", "--nats-dir", tmp_path, "--partner", "acme")
    (tmp_path / "consumers.json").write_text(text)
    result = await invoke(command, "--nats-dir", tmp_path)
    assert result.exit_code == 2
    assert "consumers.json is wrong" in result.stderr
    assert (tmp_path / "consumers.json").read_text() == text


async def test_credentials_until_no_date_are_a_sentence(invoke: Invoke, tmp_path: Path) -> None:
    """As those that another tool has made."""
    of = ("nats-config", "--nats-dir", tmp_path)
    await invoke(*of, "--partner", "acme")
    claims = base64.urlsafe_b64encode(b'{"exp": 9999999999999999}').decode()
    (tmp_path / "partners/acme.creds").write_text(f"-----BEGIN NATS USER JWT-----\ne.{claims}.s\n")
    result = await invoke(*of)
    assert result.exit_code == 2
    assert "acme.creds" in result.stderr


async def test_consumers_want_partners_and_a_stream(invoke: Invoke, tmp_path: Path) -> None:
    """Where there is no partner yet, the sentence says which command comes first."""
    result = await invoke("nats-consumers", "--nats-dir", tmp_path)
    assert result.exit_code == 2
    assert "svc-user nats-config --partner" in result.stderr
