"""`svc-user client`: credentials are shown once, work at once, and end when they are told to."""

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import Invoke
from tests.cli.program import run_on_terminal
from tests.eventually import eventually


async def asked(invoke: Invoke, dev_dir: Path, title: str, body: dict[str, Any]) -> Any:
    """What `svc-user call` prints."""
    result = await invoke(
        "call", title, "--partner", "clients", "--data-dir", dev_dir, json.dumps(body)
    )
    return json.loads(result.stdout)


async def test_a_client_from_its_first_day_to_its_last(invoke: Invoke, dev_dir: Path) -> None:
    """Added it gets tokens, rotated it needs the new secret, removed it is nobody."""
    of = ("--partner", "clients", "--data-dir", dev_dir)
    added = await invoke("client", "add", "--name", "shop", "--scope", "read:user", *of)
    assert added.exit_code == 0, added.output
    credentials = json.loads(added.stdout)
    assert sorted(credentials) == ["client_id", "client_secret"]
    request = {"grant_type": "client_credentials", **credentials}
    assert (await asked(invoke, dev_dir, "token.issue", request))["scope"] == "read:user"

    listed = await invoke("client", "list", *of)
    [line] = json.loads(listed.stdout)
    assert (line["client_id"], line["name"]) == (credentials["client_id"], "shop")
    assert credentials["client_secret"] not in listed.output

    rotated = await invoke("client", "rotate", credentials["client_id"], *of)
    other = json.loads(rotated.stdout)
    assert other["client_id"] == credentials["client_id"]
    assert other["client_secret"] != credentials["client_secret"]
    refused = await asked(invoke, dev_dir, "token.issue", request)
    assert refused["errors"][0]["code"] == "INVALID_CLIENT"
    assert await asked(invoke, dev_dir, "token.issue", request | other)

    removed = await invoke("client", "remove", credentials["client_id"], *of)
    assert removed.exit_code == 0
    refused = await asked(invoke, dev_dir, "token.issue", request | other)
    assert refused["errors"][0]["code"] == "INVALID_CLIENT"
    assert json.loads((await invoke("client", "list", *of)).stdout) == []


async def test_no_name_is_markup_or_steers_the_terminal(invoke: Invoke, dev_dir: Path) -> None:
    """A table has it as it is, but for what does not print."""
    of = ("--partner", "named", "--data-dir", str(dev_dir))
    await invoke("client", "add", "--name", "[/] \x1b]0;owned\x07 :bug:", *of)
    status, told = await run_on_terminal("client", "list", *of)
    assert status == 0, told
    assert "[/] �]0;owned� :bug:" in told


async def test_what_is_not_there_is_a_sentence(invoke: Invoke, dev_dir: Path) -> None:
    """A client that the partner does not have is status 2 and names it."""
    for command in ("rotate", "remove"):
        result = await invoke(
            "client", command, "nobody", "--partner", "clients", "--data-dir", dev_dir
        )
        assert result.exit_code == 2
        assert "has no client nobody" in result.stderr


async def test_a_worker_follows_a_rotated_ring(invoke: Invoke, dev_dir: Path) -> None:
    """After `keys rotate --signing` tokens from before and after are taken alike."""
    of = ("--partner", "clients", "--data-dir", dev_dir)
    before = (await invoke("token", *of)).stdout.strip()
    keys = dev_dir / "keys"
    rotated = await invoke("keys", "rotate", "--signing", "--keys-dir", keys)
    assert rotated.exit_code == 0, rotated.output
    ring = json.loads((keys / "signing.json").read_text())
    assert len(ring["keys"]) > 1
    after = (await invoke("token", *of)).stdout.strip()
    for token in (before, after):
        result = await invoke("call", "user.list", *of, "--header", f"token:{token}", "{}")
        assert result.exit_code == 0, result.output

    async def shown() -> bool:
        keys = (await asked(invoke, dev_dir, "token.jwks", {}))["keys"]
        return any(key["kid"] == ring["current"] for key in keys)

    await eventually(shown, within=5)
    refused = await invoke("keys", "rotate", "--keys-dir", keys)
    assert refused.exit_code == 2
    assert "--signing" in refused.stderr
