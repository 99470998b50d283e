"""Words in a schema that JSON Schema does not know: validators pass over them."""

import pytest
from pydantic import BaseModel, Field

from service.catalogue import __main__ as command
from service.catalogue.files import misworded
from service.catalogue.keywords import unknown_words


class Holds(BaseModel):
    """Has fields that are called as words are, and one whose bounds are none."""

    ge: int = Field(ge=0, le=7)
    hours: int | float = Field(ge=0, le=168)
    more: list["Holds"] = []


def test_what_is_no_word_is_named() -> None:
    found = sorted(unknown_words(Holds.model_json_schema()))
    place = "/$defs/Holds/properties/hours"
    assert found == [f"{place}/ge", f"{place}/le"]


def test_the_catalogue_has_none() -> None:
    assert misworded() == []


def test_the_check_refuses_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "misworded", lambda: ["user.get request/properties/a/ge"])
    assert command.main(["--check"]) == 1
    assert "no such word: user.get request/properties/a/ge" in capsys.readouterr().err
