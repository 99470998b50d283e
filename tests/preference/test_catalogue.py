"""The catalogue: one file, a deployment's own if it has one, checked before anything is served."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from service.app import Worker
from service.preference.catalogue import BUILT_IN, WrongCatalogue, read_catalogue
from service.settings import WrongSetting, read_settings
from tests.client import Partner
from tests.deployment import Deploy, Deployment
from tests.preference.asking import (
    CATALOGUE,
    CONFIRMATION,
    EXTERNAL,
    MEDIA,
    PURCHASE,
    TRIGGERS,
    Json,
    settings,
    trigger_item,
)

TEXT = BUILT_IN.read_text()


async def test_all_there_is(partner: Partner) -> None:
    """`catalogue` shows what is in the file, and who asks needs no person for it."""
    shown = (await partner.ask("preference.catalogue", {})).done
    assert shown["external"] == CATALOGUE["external"]
    assert shown["communication_delivery_types"] == list(MEDIA)
    triggers = [trigger for category in shown["categories"] for trigger in category["preferences"]]
    expected = [
        {"threshold": None} | trigger
        for category in CATALOGUE["categories"]
        for trigger in category["preferences"]
    ]
    assert triggers == expected


def test_what_the_contract_names() -> None:
    """The built-in file has the contract's categories; each `…_WARNING` carries a threshold."""
    assert {category["category"] for category in CATALOGUE["categories"]} == {
        "CLAIMS",
        "CONTRIBUTIONS",
        "DEBIT_CARDS",
        "GENERAL",
        "INVESTMENTS",
        "PAYMENTS",
        "SMART_COMMUTE",
        "STATEMENTS",
    }
    assert len(TRIGGERS) == 33
    for type, trigger in TRIGGERS.items():
        assert ("threshold" in trigger) == type.endswith("_WARNING")
        assert len(trigger["configurations"]) == len(MEDIA)


def line_of(text: str, part: str) -> int:
    """The line on which a part first stands, counted from 1."""
    return text.count("\n", 0, text.index(part)) + 1


def changed(old: str, new: str) -> tuple[str, int]:
    """The built-in file with one part changed, and the line on which that is."""
    assert old in TEXT
    return TEXT.replace(old, new, 1), line_of(TEXT, old)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (*changed('"SMS"', '"FAX"'), "communication_delivery_type: Input should be 'SMS'"),
        (*changed('"PUSH"', '"SMS"'), "twice"),
        (*changed('"enabled": true,', ""), "enabled: Field required"),
        (*changed('"enabled": true', '"enabled": "yes"'), "enabled: Input should be a valid bool"),
        (*changed('"value": 100.0', '"value": -1'), "threshold.value: Input should be greater"),
        (*changed('"value": 100.0', '"value": NaN'), "threshold.value: Input should be a finite"),
        (*changed('"AT_MOST"', '"BELOW"'), "threshold.direction: Input should be"),
        (*changed('"Claim updates"', '""'), "name: String should have at least 1"),
        (*changed('"CLAIM_TO_REPAYMENT"', '"claim"'), "type: String should match"),
        (*changed('"CLAIM_TO_REPAYMENT"', '"CLAIM_CONFIRMATION"'), "catalogue twice"),
        (*changed('"category": "CONTRIBUTIONS"', '"category": "CLAIMS"'), "catalogue twice"),
        (
            *changed('"name": "Claim updates"', '"name": "A", "name": "B"'),
            "this key is there twice",
        ),
        (*changed('"name": "Claim updates"', '"title": "A"'), "Extra inputs are not permitted"),
        (*changed('"name": "Claim updates"', '"name": "A" "B"'), "Expecting"),
        (*changed('"Claim updates"', '"\\ud800"'), "Invalid JSON"),
        ("", 1, "Expecting value"),
        ("[" * 100_000, 1, "nested too deep"),
        (
            *changed('"value": 100.0', f'"value": {"9" * 5_000}'),
            "Invalid JSON: number out of range",
        ),
        ("[]", 1, "Input should be an object"),
    ],
)
def test_wrong_file(tmp_path: Path, text: str, line: int, says: str) -> None:
    """Whatever is wrong with a file, the error names the line and says what."""
    file = tmp_path / "mine.json"
    file.write_text(text)
    with pytest.raises(WrongCatalogue) as error:
        read_catalogue(file)
    told = str(error.value)
    assert f"{file}, line {line}: " in told
    assert says in told


def test_carrier_that_is_not_there(tmp_path: Path) -> None:
    """A trigger is carried by an external preference of the same file; the error names its line."""
    catalogue = deepcopy(CATALOGUE)
    catalogue["external"].pop()
    file = tmp_path / "mine.json"
    file.write_text(text := json.dumps(catalogue, indent=1))
    with pytest.raises(WrongCatalogue, match="no such external preference") as error:
        read_catalogue(file)
    lines = [int(line) for line in re.findall(r", line (\d+):", str(error.value))]
    gone = list(EXTERNAL)[-1]
    assert lines == [at for at, line in enumerate(text.splitlines(), 1) if gone in line]


def test_not_utf8(tmp_path: Path) -> None:
    """Bytes that are not text are told of by their line, a file that is none by its name."""
    file = tmp_path / "mine.json"
    file.write_bytes(b'{\n"external": "\xff"}')
    with pytest.raises(WrongCatalogue, match="line 2: not UTF-8"):
        read_catalogue(file)
    with pytest.raises(WrongCatalogue, match="Is a directory"):
        read_catalogue(tmp_path)


def test_checked_at_the_start(tmp_path: Path, deployment: Deployment) -> None:
    """A worker with a wrong file does not start; the error names setting, file and line."""
    file = tmp_path / "mine.json"
    file.write_text(TEXT.replace('"SMS"', '"FAX"', 1))
    made = read_settings(keys_dir=deployment.keys_dir, preference_catalogue=file)
    line = line_of(TEXT, '"SMS"')
    with pytest.raises(
        WrongSetting, match=f"SVC_USER_PREFERENCE_CATALOGUE.*{re.escape(str(file))}, line {line}:"
    ):
        Worker(made)
    with pytest.raises(WrongSetting, match="SVC_USER_PREFERENCE_CATALOGUE"):
        read_settings(preference_catalogue=tmp_path / "none.json")


def edited(path: Path, edit: Callable[[Json], None]) -> Path:
    """A file with the built-in catalogue, edited."""
    catalogue = deepcopy(CATALOGUE)
    edit(catalogue)
    path.write_text(json.dumps(catalogue, indent=2))
    return path


def trigger_in(catalogue: Json, type: str) -> Json:
    """A trigger in a catalogue."""
    return next(
        trigger
        for category in catalogue["categories"]
        for trigger in category["preferences"]
        if trigger["notification_preference_type"] == type
    )


def everything_off(catalogue: Json) -> None:
    """Nobody is opted in to anything any more, by default."""
    for category in catalogue["categories"]:
        for trigger in category["preferences"]:
            for configuration in trigger["configurations"]:
                configuration["opted_in"] = False


def moved_and_renamed(catalogue: Json) -> None:
    """One trigger is in another category, another is gone, and there is a new one."""
    claims, contributions = catalogue["categories"][:2]
    moved = trigger_in(catalogue, CONFIRMATION)
    claims["preferences"].remove(moved)
    contributions["preferences"].append(moved)
    trigger_in(catalogue, PURCHASE)["notification_preference_type"] = "COFFEE_BOUGHT"


async def test_decisions_outlive_a_catalogue(deploy: Deploy, tmp_path: Path) -> None:
    """What a person has set holds under a new catalogue; what nobody touched follows it."""
    deployment = await deploy(1)
    partner = Partner(deployment)
    person = await partner.user()
    for opted_in in (False, True):  # away, and back to what is the default: decided all the same
        items = [
            trigger_item(CONFIRMATION, "EMAIL", opted_in=opted_in),
            trigger_item(PURCHASE, "EMAIL", opted_in=False),
        ]
        await partner.ask("preference.put", {"person_id": person, "items": items})
    before = (await partner.ask("preference.get", {"person_id": person})).done["items"]

    async def under(catalogue: Path | None) -> list[Json]:
        await deployment.stop_worker(deployment.worker)
        await deployment.add_worker(preference_catalogue=catalogue)
        shown = await partner.ask("preference.get", {"person_id": person})
        items: list[Json] = shown.done["items"]
        return items

    off = settings(await under(edited(tmp_path / "off.json", everything_off)))
    assert [key for key, value in off.items() if key[-1] == "opted_in" and value] == [
        (CONFIRMATION, "EMAIL", "opted_in")
    ]
    items = await under(edited(tmp_path / "moved.json", moved_and_renamed))
    moved = next(item for item in items if item["category"] == "CONTRIBUTIONS")["preferences"][-1]
    assert moved["notification_preference_type"] == CONFIRMATION
    now = settings(items)
    assert now[CONFIRMATION, "EMAIL", "opted_in"] is True
    assert now["COFFEE_BOUGHT", "EMAIL", "opted_in"] is True
    assert (PURCHASE, "EMAIL", "opted_in") not in now
    assert await under(None) == before
