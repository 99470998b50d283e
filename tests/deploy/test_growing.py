"""docs/growing.md: what it says of indexes and figures is what the code and the README say."""

import re

from service.app import INDEXES
from service.storage.kind import IDEMPOTENCY_INDEX
from tests.deploy.manifests import ROOT

GROWING = (ROOT / "docs" / "growing.md").read_text()


def rows(text: str, after: str) -> list[list[str]]:
    """The cells of the first table after a text."""
    lines = text.partition(after)[2].splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("| ---"))
    table = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip(" `") for cell in line.strip("|").split("|")])
    return table


def test_unique_indexes() -> None:
    """Each unique index is in the table, and stays as it is if it begins with the shard key."""
    told = {
        (collection, name): (tuple(keys.split(", ")), verdict)
        for collection, name, keys, verdict in rows(GROWING, "<!-- indexes")
    }
    unique = {}
    for collection, indexes in INDEXES:
        for index in indexes:
            if index.unique:
                where = "every kind" if index.name == IDEMPOTENCY_INDEX else collection
                verdict = "as it is" if index.keys[0] == "partner" else "`partner` in front"
                unique[where, index.name] = tuple(index.keys), verdict.strip("`")
    assert {key: (keys, verdict.replace("`", "")) for key, (keys, verdict) in told.items()} == {
        key: (keys, verdict.replace("`", "")) for key, (keys, verdict) in unique.items()
    }


def test_indexes_for_the_shard_key() -> None:
    """Each collection with a partner either has an index for the key, or is told to need one."""
    [have, need] = re.search(
        r"for a shard key\. (.*?) have one; (.*?) need", GROWING, re.DOTALL
    ).groups()  # type: ignore[union-attr]
    served = {
        collection
        for collection, indexes in INDEXES
        if any(index.keys[0] == "partner" and index.where is None for index in indexes)
    }
    assert set(re.findall(r"`(\w+)`", have)) == served
    rest = {collection for collection, _ in INDEXES} - served - {"attempts"}
    assert set(re.findall(r"`(\w+)`", need)) == rest


def test_figures() -> None:
    """The figures of a worker are those of the README, of 64 requests in flight."""
    measured = {
        case: ours
        for case, in_flight, ours, *_ in rows(
            (ROOT / "README.md").read_text(), "## What it does in a second"
        )
        if in_flight == "64"
    }
    told = {case: f"{rate} ({times})" for case, rate, times in rows(GROWING, "<!-- figures")}
    assert told
    assert told == {case: measured[case] for case in told}
