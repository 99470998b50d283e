"""What the log has of requests, and what it must not have."""

import orjson
import pytest

from service.logs import redact, renderer
from tests.client import Partner, new_user

SECRETS = ("first_name", "last_name", "email", "phone_number", "id_number", "permit_number")


async def test_personal_data_stays_out(
    partner: Partner, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever becomes of requests, nobody's data is in the log, and no token."""
    request = new_user(await partner.entity(), first_name="Nomvula", last_name="Mahlangu")
    user_id = (await partner.ask("user.create", request)).done["userId"]
    await partner.ask("user.create", request)
    await partner.ask("user.create", request | {"email": "no.address.at.all"})
    await partner.ask("user.update", {"user_id": user_id, "id_number": "8001015800099"})
    # A stored value that does not open is a defect, the only one that a test can bring about.
    users = partner.deployment.database["users"]
    await users.update_one({"_id": user_id}, {"$set": {"id_number": b"moved here"}})
    with pytest.raises(AssertionError, match="a defect"):
        await partner.ask("user.list", {})
    said = capsys.readouterr().out
    assert "operation=user.create" in said
    assert "defect" in said
    assert "SealBroken" in said
    for secret in (*(request[name] for name in SECRETS), "no.address.at", "8001015800099"):
        assert secret not in said
    assert partner.all_rights not in said


def test_redact() -> None:
    """Values under the names of personal data are taken out, at any depth, whoever logs them."""
    line = {"event": "x", "email": "a@example.com", "user": {"id_number": "1", "id": 7}, "n": 1}
    assert redact(None, "info", line) == {
        "event": "x",
        "email": "[redacted]",
        "user": {"id_number": "[redacted]", "id": 7},
        "n": 1,
    }


def test_redact_in_lists() -> None:
    """In lists too."""
    line = {"event": "x", "users": [{"email": "a@example.com"}, [{"name": "Ann"}]]}
    redacted = redact(None, "info", line)
    assert redacted["users"] == [{"email": "[redacted]"}, [{"name": "[redacted]"}]]


COMMANDS = (
    *("a\r\nb", "\x1b[31mred", "\x1b]0;title\x07", "\x9b2J", "\x7f", "\0", "a\u2028b", "\u202eb"),
    *("\u2066x", "\ufeff", "\ud800", "\U000e0041", "two words\n", "=\t"),
)


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("text", COMMANDS, ids=ascii)
def test_one_line_of_plain_text(form: str, text: str) -> None:
    """Whatever somebody logs, it is one line, and nothing in it commands a terminal."""
    entry = {"event": text, "actor": text, text: 1, "list": [text, {"name": text}], "n": 1}
    line = renderer(form)(None, "info", entry)
    said = line.decode() if isinstance(line, bytes) else line
    assert said.isprintable()
    if form == "json" and text != "\ud800":
        assert orjson.loads(said) == {**entry, "event": text}


@pytest.mark.parametrize("form", ["json", "text"])
def test_plain_text_stays(form: str) -> None:
    """What prints is left as it is, in any script."""
    line = renderer(form)(None, "info", {"event": "request", "actor": "Zo\u00eb \u0645"})
    assert "Zo\u00eb \u0645" in (line.decode() if isinstance(line, bytes) else line)
