"""`svc-user token`: what it prints, and what it refuses to sign."""

import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from service.auth.issuer import DEFAULT_TTL
from service.auth.scopes import ALL_SCOPES
from service.command.keys import make_keys
from tests.cli.conftest import Invoke

USER = "0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d"
DOMAIN = "0199f6a4-4d1c-7d1e-9d5a-000000000001"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of a `svc-user dev` that ran once, and does not any more."""
    make_keys(tmp_path / "keys")
    return tmp_path


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


async def test_a_token_is_all_that_is_printed(invoke: Invoke, folder: Path) -> None:
    """A client's, with all scopes, for twelve hours."""
    result = await invoke("token", "--partner", "acme", "--data-dir", folder)
    assert (result.exit_code, result.stderr) == (0, "")
    found = claims(result.stdout.removesuffix("\n"))
    assert found["partner"] == "acme"
    assert found["sub"] == "cli"
    assert found["use"] == "client"
    assert found["scope"].split() == sorted(ALL_SCOPES)
    assert found["exp"] - found["iat"] == pytest.approx(DEFAULT_TTL)
    assert found["iat"] == pytest.approx(time.time(), abs=30)
    assert "domain" not in found


async def test_every_option_is_in_the_token(invoke: Invoke, folder: Path) -> None:
    options = ("--scope", "read:user write:user", "--subject", "ci", "--domain", DOMAIN)
    result = await invoke(
        "token", "--partner", "acme", *options, "--ttl", "60", "--data-dir", folder
    )
    found = claims(result.stdout.strip())
    assert found["scope"] == "read:user write:user"
    assert found["sub"] == "ci"
    assert found["domain"] == DOMAIN
    assert found["exp"] - found["iat"] == pytest.approx(60)


async def test_a_users_token_is_the_users(invoke: Invoke, folder: Path) -> None:
    result = await invoke("token", "--partner", "acme", "--user", USER, "--data-dir", folder)
    found = claims(result.stdout.strip())
    assert (found["sub"], found["use"]) == (USER, "user")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--scope", "read:user rule:world"], "rule:world"),
        (["--scope", "read:users"], "read:verification"),
        (["--user", USER.upper()], "--user"),
        (["--domain", "acme"], "--domain"),
        (["--user", USER, "--subject", "ci"], "--subject"),
        (["--subject", ""], "--subject"),
        (["--ttl", "0"], "--ttl"),
        (["--partner", "a.b"], "--partner"),
        (["--partner", "x" * 65], "--partner"),
    ],
)
async def test_what_no_token_may_say_is_refused(
    invoke: Invoke, folder: Path, options: list[str], complaint: str
) -> None:
    """Of an unknown scope, the closed list is told."""
    result = await invoke("token", "--partner", "acme", *options, "--data-dir", folder)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr


async def test_without_a_key_it_says_how_to_get_one(invoke: Invoke, tmp_path: Path) -> None:
    result = await invoke("token", "--partner", "acme", "--data-dir", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "svc-user dev" in result.stderr
    assert "SVC_USER_KEYS_DIR" in result.stderr


async def test_the_settings_keys_come_first(
    invoke: Invoke, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_keys(tmp_path / "other")
    monkeypatch.setenv("SVC_USER_KEYS_DIR", str(tmp_path / "other"))
    given = await invoke("token", "--partner", "acme", "--data-dir", folder)
    monkeypatch.delenv("SVC_USER_KEYS_DIR")
    usual = await invoke("token", "--partner", "acme", "--data-dir", folder)
    kids = [jwt.get_unverified_header(result.stdout.strip())["kid"] for result in (given, usual)]
    assert kids[0] != kids[1]
