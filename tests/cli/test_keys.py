"""`svc-user keys`: rings are made once, for their owner alone, and only public keys are shown."""

import json
import stat
from pathlib import Path

import jwt

from tests.cli.conftest import Invoke


async def test_rings_are_made_for_their_owner_alone(invoke: Invoke, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert (await invoke("keys", "init", "--keys-dir", folder)).exit_code == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"data.json": 0o600, "signing.json": 0o600}


async def test_a_ring_that_is_there_is_never_written_over(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("precious")
    result = await invoke("keys", "init", "--keys-dir", tmp_path)
    assert result.exit_code == 0
    assert (tmp_path / "data.json").read_text() == "precious"
    assert (tmp_path / "signing.json").exists()


async def test_only_public_keys_are_shown_and_verify_a_token(
    invoke: Invoke, tmp_path: Path
) -> None:
    await invoke("keys", "init", "--keys-dir", tmp_path / "keys")
    shown = await invoke("keys", "jwks", "--keys-dir", tmp_path / "keys")
    beside = await invoke("keys", "jwks", "--data-dir", tmp_path)
    assert beside.stdout == shown.stdout
    [key] = json.loads(shown.stdout)["keys"]
    assert "d" not in key
    token = (await invoke("token", "--partner", "acme", "--data-dir", tmp_path)).stdout.strip()
    assert jwt.decode(token, jwt.PyJWK(key).key, algorithms=["EdDSA"], audience="svc-user")


async def test_a_folder_in_the_place_of_a_ring_is_named(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "data.json").mkdir()
    result = await invoke("keys", "init", "--keys-dir", tmp_path)
    assert result.exit_code == 2
    assert f"{tmp_path / 'data.json'} is no file" in result.stderr


async def test_a_folder_that_cannot_be_made_is_a_sentence(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = await invoke("keys", "init", "--keys-dir", tmp_path / "file" / "keys")
    assert result.exit_code == 2
    assert "cannot be made" in result.stderr
