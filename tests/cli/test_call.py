"""`svc-user call`: one request, its reply on stdout, and what came of it as the exit status."""

import json
from pathlib import Path

import nats
import pytest

from service.local.ports import free_port
from tests.cli.conftest import Invoke

BUSINESS = {"entity_type": "business", "registration_number": "1", "trading_name": "Acme"}


async def test_a_reply_is_printed_as_it_came(invoke: Invoke, dev_dir: Path) -> None:
    body = json.dumps(BUSINESS)
    made = await invoke("call", "entity.create", "--partner", "acme", body, "--data-dir", dev_dir)
    assert (made.exit_code, made.stderr) == (0, "")
    id = json.loads(made.stdout)["entityId"]
    read = await invoke(
        "call", "entity.get", "--partner", "acme", f'{{"entity_id": "{id}"}}', "--data-dir", dev_dir
    )
    assert json.loads(read.stdout)["trading_name"] == "Acme"


async def test_the_request_may_come_from_stdin(invoke: Invoke, dev_dir: Path) -> None:
    result = await invoke(
        *("call", "entity.create", "--partner", "acme", "-", "--data-dir", dev_dir),
        input=json.dumps(BUSINESS),
    )
    assert "entityId" in json.loads(result.stdout)


async def test_headers_go_with_it_and_come_back_on_stderr(invoke: Invoke, dev_dir: Path) -> None:
    async def create() -> tuple[str, str]:
        result = await invoke(
            *("call", "entity.create", "--partner", "acme", json.dumps(BUSINESS), "--verbose"),
            *("--header", "Idempotency-Key: once", "-H", "X-Request-Id:mine"),
            *("--data-dir", dev_dir),
        )
        assert "X-Request-Id: mine" in result.stderr
        return result.stdout, result.stderr

    first, second = await create(), await create()
    assert first[0] == second[0]
    assert "Idempotency-Replayed: true" in second[1]


async def test_a_refusal_is_printed_and_is_status_1(invoke: Invoke, dev_dir: Path) -> None:
    result = await invoke("call", "user.get", "--partner", "acme", "--data-dir", dev_dir)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["errors"][0]["path"] == "user_id"


async def test_what_is_not_json_goes_out_too(invoke: Invoke, dev_dir: Path) -> None:
    """The worker is to judge it, not the command."""
    result = await invoke("call", "user.get", "--partner", "acme", "{", "--data-dir", dev_dir)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["errors"][0]["code"] == "INVALID_JSON"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--scope", "read:business"], "MISSING_SCOPE"),
        (["--user", "0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d"], "WRONG_TOKEN_KIND"),
        (["--header", "token: no.such.token"], "UNAUTHENTICATED"),
        (["--header", "authorization: Bearer no.such.token"], "UNAUTHENTICATED"),
    ],
)
async def test_the_token_is_as_the_options_say(
    invoke: Invoke, dev_dir: Path, options: list[str], code: str
) -> None:
    """Where a header has one, none is made."""
    result = await invoke(
        "call", "user.exists", "--partner", "acme", *options, "--data-dir", dev_dir
    )
    assert result.exit_code == 1
    assert json.loads(result.stdout)["errors"][0]["code"] == code


@pytest.mark.parametrize(
    ("operation", "options", "needed"),
    [
        ("user.exists", ["--user", "0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d"], "a client's token."),
        ("user.me", [], "a user's own token."),
    ],
    ids=["client", "user"],
)
async def test_the_kind_of_token_that_is_needed_is_told(
    invoke: Invoke, dev_dir: Path, operation: str, options: list[str], needed: str
) -> None:
    result = await invoke("call", operation, "--partner", "acme", *options, "--data-dir", dev_dir)
    [error] = json.loads(result.stdout)["errors"]
    assert (error["code"], error["message"].endswith(needed)) == ("WRONG_TOKEN_KIND", True)


async def test_an_operation_that_nobody_has_is_answered_with_those_near(
    invoke: Invoke, dev_dir: Path
) -> None:
    result = await invoke("call", "user.crate", "--partner", "acme", "--data-dir", dev_dir)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "user.create" in result.stderr


@pytest.mark.parametrize("operation", ["create", "user.create.now", "user.*", "user.>"])
async def test_what_can_be_no_operation_is_not_sent(invoke: Invoke, operation: str) -> None:
    result = await invoke("call", operation, "--partner", "acme")
    assert result.exit_code == 2
    assert "svc-user operations" in " ".join(result.stderr.split())


async def test_without_a_worker_it_says_how_to_start_one(
    invoke: Invoke, dev_dir: Path, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings' server comes before that of the data folder."""
    monkeypatch.setenv("SVC_USER_NATS_URL", nats_url)
    result = await invoke("call", "entity.get", "--partner", "acme", "--data-dir", dev_dir)
    assert result.exit_code == 3
    assert "svc-user serve" in result.stderr


async def test_no_reply_in_time_is_status_3(
    invoke: Invoke, dev_dir: Path, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SVC_USER_NATS_URL", nats_url)
    async with await nats.connect(nats_url) as client:
        await client.subscribe("svc.user.silent.get")  # and never answers
        await client.flush()
        result = await invoke(
            *("call", "user.get", "--partner", "silent", "--timeout", "0.1"),
            *("--data-dir", dev_dir),
        )
    assert result.exit_code == 3
    assert "--timeout" in result.stderr


async def test_no_server_is_status_3(
    invoke: Invoke, dev_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SVC_USER_NATS_URL", f"nats://127.0.0.1:{free_port()}")
    result = await invoke("call", "user.get", "--partner", "acme", "--data-dir", dev_dir)
    assert result.exit_code == 3
    assert "NATS" in result.stderr


@pytest.mark.parametrize("record", [None, '{"nats_url": "nats://127.0.0.1:1"}', "not JSON"])
async def test_a_dev_that_does_not_run_is_not_believed(
    invoke: Invoke, tmp_path: Path, record: str | None
) -> None:
    """Whether there never was one, or one was killed and left its dev.json."""
    if record is not None:
        (tmp_path / "dev.json").write_text(record)
    result = await invoke("call", "user.get", "--partner", "acme", "--data-dir", tmp_path)
    assert result.exit_code == 2
    assert "svc-user dev" in result.stderr
    assert "SVC_USER_NATS_URL" in result.stderr


@pytest.mark.parametrize("header", ["novalue", ":", "a b: c", "x: \r\ny: z"])
async def test_a_header_that_is_none_is_refused(invoke: Invoke, header: str) -> None:
    result = await invoke("call", "user.get", "--partner", "acme", "--header", header)
    assert result.exit_code == 2
    assert "K:V" in result.stderr
