"""`svc-user keys rotate`: one new key for all that is sealed, told as it goes on."""

import asyncio
import fcntl
import json
import re
from pathlib import Path

from tests.cli.conftest import Invoke
from tests.cli.program import run

ENTITY = {"entity_type": "business", "registration_number": "1", "trading_name": "Acme"}


async def test_everything_gets_the_new_key(invoke: Invoke, dev_dir: Path) -> None:
    """The ring has one key more, each collection is told of, and what was sealed still opens."""
    ring = dev_dir / "keys" / "data.json"
    before = json.loads(ring.read_text())
    place = ("--partner", "rotated", "--data-dir", dev_dir)
    made = await invoke("call", "entity.create", json.dumps(ENTITY), *place)
    business_id = json.loads(made.stdout)["entityId"]
    person = {
        "business_id": business_id,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "protected_personal_data": {
            "social_security_number": "555441234",
            "date_of_birth": "1980-01-01",
        },
    }
    made = await invoke("call", "identity.create_consumer", json.dumps(person), *place)
    consumer_id = json.loads(made.stdout)["consumer_id"]
    result = await invoke("keys", "rotate", "--data", "--data-dir", dev_dir)
    assert result.exit_code == 0, result.output
    after = json.loads(ring.read_text())
    assert before["keys"].items() < after["keys"].items()
    assert after["current"] not in before["keys"]
    assert after["current"] in result.stdout
    assert re.search(r"persons: (\d+) of \1\b", result.stderr), (
        "also of what others have made there"
    )
    body = {
        "consumer_id": consumer_id,
        "expand": "PROTECTED_PERSONAL_DATA",
        "ssn_mode": "UNMASKED",
    }
    shown = await invoke("call", "identity.get_consumer", json.dumps(body), *place)
    block = json.loads(shown.stdout)["protected_personal_data"]
    assert block["social_security_number"] == "555441234"


async def test_rotations_of_the_signing_ring_lose_no_key(invoke: Invoke, tmp_path: Path) -> None:
    """Of several at once each has its key in the ring, or is refused."""
    ring = tmp_path / "signing.json"
    await invoke("keys", "init", "--keys-dir", tmp_path)
    before = len(json.loads(ring.read_text())["keys"])
    rotate = ("keys", "rotate", "--signing", "--keys-dir", str(tmp_path))
    ended = await asyncio.gather(*(run(*rotate) for _ in range(4)))
    made = [text for status, text in ended if status == 0]
    assert made
    assert all("under way" in text for status, text in ended if status != 0)
    assert len(json.loads(ring.read_text())["keys"]) == before + len(made)

    with ring.with_name("signing.json.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = await invoke(*rotate)
    assert (result.exit_code, "under way" in result.stderr) == (2, True)


async def test_says_what_is_missing(invoke: Invoke, dev_dir: Path) -> None:
    """Without `--data` nothing is rotated, and one rotation keeps out another."""
    ring = dev_dir / "keys" / "data.json"
    before = ring.read_text()
    result = await invoke("keys", "rotate", "--data-dir", dev_dir)
    assert (result.exit_code, "--data" in result.stderr) == (2, True), result.stderr
    with ring.with_name("data.json.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = await invoke("keys", "rotate", "--data", "--data-dir", dev_dir)
    assert (result.exit_code, "under way" in result.stderr) == (2, True)
    assert ring.read_text() == before
