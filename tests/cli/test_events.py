"""`svc-user events replay` and `svc-user export`: on the servers of a `svc-user dev`."""

import json
import os
import stat
from pathlib import Path

import nats
import pytest

from service.resources import STREAM
from tests.cli.conftest import Invoke
from tests.faults.audit import whole_stream

ENTITY = {"entity_type": "business", "registration_number": "1", "trading_name": "Acme"}
UNKNOWN = "0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d"
CONTACT = {
    "first_name": "Charles",
    "last_name": "Babbage",
    "title": "Head",
    "email": "charles@example.com",
}


async def test_a_stream_is_restored(invoke: Invoke, dev_dir: Path) -> None:
    """How far it is is told as it goes on; a second time there is nothing to tell."""
    place = ("--data-dir", dev_dir)
    made = await invoke("call", "entity.create", json.dumps(ENTITY), "--partner", "lost", *place)
    entity_id = json.loads(made.stdout)["entityId"]
    running = json.loads((dev_dir / "dev.json").read_text())
    client = await nats.connect(running["nats_url"])
    await invoke("events", "replay", *place)
    await client.jetstream().purge_stream(STREAM, subject=f"evt.*.lost.{entity_id}.>")
    await client.jetstream().delete_stream(STREAM)
    result = await invoke("events", "replay", *place)
    assert result.exit_code == 0, result.output
    stream = await whole_stream(client)
    assert entity_id in {each.event["subject"] for each in stream}
    assert f"{len(stream)} events told again, of {len(stream)} in the log" in result.stdout
    assert f"{STREAM}: {len(stream)} of {len(stream)}" in result.stderr
    assert "0 events told again" in (await invoke("events", "replay", *place)).stdout
    await client.close()


async def test_a_person_is_exported_into_a_file(
    invoke: Invoke, dev_dir: Path, tmp_path: Path
) -> None:
    """By section, for the owner of the file alone; who is unknown is refused, without a file."""
    place = ("--partner", "exported", "--data-dir", dev_dir)
    made = await invoke("call", "entity.create", json.dumps(ENTITY), *place)
    person = CONTACT | {"business_id": json.loads(made.stdout)["entityId"]}
    made = await invoke("call", "identity.create_business_contact", json.dumps(person), *place)
    id = json.loads(made.stdout)["business_contact_id"]
    file = tmp_path / "person.json"
    file.touch(mode=0o644)
    result = await invoke("export", "--person", id, "--output", file, *place)
    assert result.exit_code == 0, result.output
    whole = json.loads(file.read_text())
    assert whole["person_id"] == id
    assert whole["sections"]["record"][0]["last_name"] == "Babbage"
    assert [each["type"] for each in whole["sections"]["history"]] == [
        "identity.business_contact_created"
    ]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    logged = await invoke("call", "privacy.access_log", json.dumps({"person_id": id}), *place)
    [line] = json.loads(logged.stdout)["items"]
    assert (line["operation"], line["actor"]) == ("privacy.export", "cli")
    absent = tmp_path / "absent.json"
    result = await invoke("export", "--person", UNKNOWN, "--output", absent, *place)
    assert result.exit_code == 1
    assert os.listdir(tmp_path) == [file.name]


@pytest.mark.parametrize(
    ("output", "reason"),
    [("none/x.json", "No such file or directory"), (".", "Is a directory")],
    ids=["no folder", "a folder"],
)
async def test_an_export_that_cannot_be_written_asks_nobody(
    invoke: Invoke,
    dev_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    reason: str,
) -> None:
    """So it is no matter that nobody is there."""
    monkeypatch.setenv("SVC_USER_NATS_URL", "nats://127.0.0.1:1")
    of = ("--partner", "exported", "--person", UNKNOWN, "--data-dir", dev_dir)
    result = await invoke("export", "--output", tmp_path / output, *of)
    assert result.exit_code == 2
    assert f"{tmp_path / output} cannot be written: {reason}." in result.stderr
