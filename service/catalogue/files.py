"""The files of the catalogue: what they should be, and what they are."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from service import __version__
from service.app import OPERATIONS
from service.catalogue.asyncapi import asyncapi
from service.catalogue.client import client_files
from service.catalogue.documents import event_schema, event_types, operation_document
from service.catalogue.keywords import unknown_words

SCHEMAS = Path(__file__).parents[2] / "schemas"
_PUBLISHED = "published.json"


def catalogue() -> dict[str, dict[str, Any]]:
    """All operations and events, by name."""
    return {
        "operations": {each.title: operation_document(each) for each in OPERATIONS},
        "events": {each.type: event_schema(each) for each in event_types()},
    }


@cache
def texts() -> Mapping[str, str]:
    """What is generated, by its path within `schemas`."""
    files: dict[str, Any] = {"catalogue/asyncapi.json": asyncapi()}
    for kind, documents in catalogue().items():
        files |= {f"catalogue/{kind}/{name}.json": each for name, each in documents.items()}
    return {
        **{
            name: json.dumps(document, indent=2, ensure_ascii=False) + "\n"
            for name, document in files.items()
        },
        **{f"client/{name}": code for name, code in client_files().items()},
    }


def write(folder: Path = SCHEMAS) -> None:
    """Write what is generated, and delete what is no longer part of it."""
    wanted = texts()
    for path in _existing(folder):
        if str(path.relative_to(folder)) not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def out_of_step(folder: Path = SCHEMAS) -> list[str]:
    """The files that are missing, different, or should not be there."""
    wanted = texts()
    names = {str(path.relative_to(folder)) for path in _existing(folder)} | wanted.keys()
    return sorted(name for name in names if wanted.get(name) != _text(folder / name))


def misworded() -> list[str]:
    """Where in the catalogue's schemas there is a word that JSON Schema does not know."""
    documents = catalogue()
    schemas = {
        f"{name} {part}": each[part]
        for name, each in documents["operations"].items()
        for part in ("request", "reply")
    } | documents["events"]
    return [f"{name}{path}" for name, each in schemas.items() for path in unknown_words(each)]


def publish(folder: Path = SCHEMAS) -> None:
    """Keep the catalogue as that of a release: what comes after is compared with it."""
    # A line for each document: short enough to be read whole, and to see in a diff what changed.
    lines = [f'"version": {json.dumps(__version__)}']
    for kind, documents in catalogue().items():
        entries = ",\n".join(
            f"  {json.dumps(name)}: {json.dumps(each, ensure_ascii=False, separators=(',', ':'))}"
            for name, each in sorted(documents.items())
        )
        lines.append(f'"{kind}": {{\n{entries}\n}}')
    (folder / _PUBLISHED).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def published(folder: Path = SCHEMAS) -> dict[str, Any]:
    """The catalogue of the last release, and its version."""
    released: dict[str, Any] = json.loads((folder / _PUBLISHED).read_text())
    return released


def _existing(folder: Path) -> Iterable[Path]:
    return (folder / "catalogue").rglob("*.json")


def _text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
