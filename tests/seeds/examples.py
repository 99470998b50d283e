"""The JSON examples of a seed, read from its text as it was handed over."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

_BLOCK = re.compile(r"^(Request|Response)\n+(\{\n.*?^\})", re.MULTILINE | re.DOTALL)
_SUBJECT = re.compile(r"^Subject: svc\.(\w+)\.<partner_id>\.(\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"\s//\s*(.*)$", re.MULTILINE)
_FIELD = re.compile(r'^  "(\w+)":.*?\s//\s*(.*)$', re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """One JSON example: what it is of, and what its comments say of each field."""

    title: str
    kind: Literal["Request", "Response"]
    body: dict[str, Any]
    comments: dict[str, str]

    def fields_that(self, comment: str) -> list[str]:
        """The fields whose comment has these words."""
        return [name for name, said in self.comments.items() if comment in said]


def read_examples(seed: str) -> list[Example]:
    """The examples in the order of the seed."""
    text = (Path(__file__).parent / seed).read_text()
    return [
        Example(
            title=_title_before(text, found.start()),
            kind="Request" if found[1] == "Request" else "Response",
            body=json.loads(_COMMENT.sub("", found[2])),
            comments=dict(_FIELD.findall(found[2])),
        )
        for found in _BLOCK.finditer(text)
    ]


def _title_before(text: str, position: int) -> str:
    *_, last = _SUBJECT.finditer(text, 0, position)
    return f"{last[1]}.{last[2]}"
