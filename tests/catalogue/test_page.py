"""`svc-user docs`: one page with everything in it, and nothing from elsewhere."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from service.app import OPERATIONS
from service.catalogue.documents import event_types, refusal_entries, refusals
from service.catalogue.page import page
from service.operation import Operation
from tests.cli.conftest import Invoke, invoke  # noqa: F401  # a fixture

FETCHING = {"src", "srcset", "action", "formaction", "poster", "data", "ping", "background"}
VOID = {"meta", "link", "br", "input"}


class Page(HTMLParser):
    """The page's elements, its text by the article that it is in, and what is wrong with it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[tuple[str, str, str | None]] = []
        self.open: list[str] = []
        self.articles: dict[str, str] = {}
        self._article = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in values:
            self.ids.append(values["id"] or "")
        if tag == "a":
            self.links.append(values["href"] or "")
        elif "href" in values:
            self.fetched.append((tag, "href", values["href"]))
        self.fetched += [(tag, name, value) for name, value in attrs if name in FETCHING]
        if tag == "article":
            self._article = values["id"] or ""
            self.articles[self._article] = ""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "article":
            self._article = ""

    def handle_data(self, data: str) -> None:
        if self._article:
            self.articles[self._article] += data


@pytest.fixture(scope="module")
def text() -> str:
    return page()


@pytest.fixture(scope="module")
def parsed(text: str) -> Page:
    return Page(text)


def test_it_refers_to_nothing_outside(text: str, parsed: Page) -> None:
    """Nor would the browser let it: its own policy says so."""
    assert parsed.fetched == [("link", "href", "data:,")]
    assert [link for link in parsed.links if not link.startswith("#")] == []
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|WebSocket|import\(", text)
    assert "default-src 'none'" in text


def test_every_link_leads_somewhere(parsed: Page) -> None:
    assert len(set(parsed.ids)) == len(parsed.ids)
    assert {link.removeprefix("#") for link in parsed.links} <= set(parsed.ids)
    assert parsed.open == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.title)
def test_an_operation_is_there_whole(parsed: Page, operation: Operation) -> None:
    shown = parsed.articles[operation.title]
    wanted = [operation.subject.replace("*", "<partner_id>"), operation.rights, operation.kind]
    wanted += [event.type for event in operation.emits]
    wanted += operation.request.model_fields
    wanted += operation.reply.__annotations__
    wanted += [entry["code"] for each in refusals(operation) for entry in refusal_entries(each)]
    wanted += ["nats request", operation.subject.replace("*", "acme")]
    wanted += [f"await client.{operation.title}("]
    assert [each for each in wanted if each not in shown] == []


def test_every_event_is_there(parsed: Page) -> None:
    for event in event_types():
        shown = parsed.articles[f"event.{event.type}"]
        example = json.loads(shown[shown.index("{") : shown.rindex("}") + 1])
        assert (example["type"], example["dataschema"]) == (event.type, event.dataschema)
        assert set(example["data"]) <= set(event.data.__annotations__)


def test_every_code_is_there_with_who_says_it(parsed: Page) -> None:
    for operation in OPERATIONS:
        for each in refusals(operation):
            for entry in refusal_entries(each):
                shown = parsed.articles[f"code.{entry['code']}"]
                assert str(entry["status"]) in shown
                assert operation.title in shown or "Any operation." in shown


async def test_the_command_writes_it(invoke: Invoke, tmp_path: Path, text: str) -> None:  # noqa: F811
    file = tmp_path / "page.html"
    assert (await invoke("docs", "--output", file)).exit_code == 0
    assert file.read_text() == text
    assert (await invoke("docs", "--output", "-")).stdout == text
    refused = await invoke("docs", "--output", tmp_path / "no" / "page.html")
    assert refused.exit_code == 2
    assert "No such file" in refused.stderr
