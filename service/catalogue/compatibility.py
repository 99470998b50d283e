"""What has changed since the last release, and whether it breaks those who rely on it.

A request may take more than before, never less; a reply and an event may say more, never less, nor
anything that could not be said before. Codes of refusals may be added: a caller falls back on the
status. What is described in words may be described better at any time.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.catalogue.schema_changes import Comparison, Escape, Schema

Document = Mapping[str, Any]

_NO_LONGER = {
    "field": "is gone",
    "required": "is required",
    "value": "can no longer be {what}",
    "bound": "is narrower: {what}",
    "form": "has no {what} any more",
    "default": "means another value when it is left out: {what}",
}
"""What the new schema does not let through, and the old one did."""

_NOW = {
    "field": "is new",
    "required": "may be missing",
    "value": "can be {what}",
    "bound": "is wider: {what}",
    "form": "may have {what}",
    "default": "means another value when it is left out: {what}",
}
"""What the new schema lets through, and the old one did not."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference from what was released."""

    breaking: bool
    where: str
    text: str

    def __str__(self) -> str:
        return f"{'breaking  ' if self.breaking else 'compatible'}  {self.where}: {self.text}"


def changes(old: Document, new: Document) -> list[Change]:
    """All that is different in `operations` and `events`, what breaks first."""
    found: list[Change] = []
    for kind, compared in (("operations", _operation_changes), ("events", _event_changes)):
        was, now = old[kind], new[kind]
        found += [Change(True, name, "is gone") for name in was.keys() - now.keys()]
        found += [Change(False, name, "is new") for name in now.keys() - was.keys()]
        for name in was.keys() & now.keys():
            found += compared(name, was[name], now[name])
    return sorted(found, key=lambda each: (not each.breaking, each.where, each.text))


def request_changes(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    """Of what callers send: whatever was good must still be."""
    for escape in Comparison(old, new).escapes():
        yield Change(True, where, _told(escape, _NO_LONGER))
    for escape in Comparison(new, old).escapes():
        if escape.kind != "default":  # told already
            yield Change(False, where, _told(escape, _NOW))


def answer_changes(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    """Of what callers are told: there must be nothing in it that they do not know."""
    for escape in Comparison(new, old).escapes():
        if escape.kind != "default":  # nobody leaves a field out here
            yield Change(escape.kind != "field", where, _told(escape, _NOW))
    added = _fields(Comparison(new, old).escapes())
    for escape in Comparison(old, new).escapes():
        if escape.kind == "field":
            yield Change(True, where, _told(escape, _NO_LONGER))
        elif escape.kind == "required" and escape.path not in added:
            yield Change(False, where, f"{escape.path} is always there")
        elif escape.kind in {"value", "bound", "form"}:
            yield Change(False, where, _told(escape, _NO_LONGER))


def _operation_changes(name: str, old: Document, new: Document) -> Iterator[Change]:
    yield from request_changes(f"{name} request", old["request"], new["request"])
    yield from answer_changes(f"{name} reply", old["reply"], new["reply"])
    if old["subject"] != new["subject"]:
        yield Change(True, name, f"has another subject, {new['subject']}")
    yield from _rights_changes(name, old, new)
    if new["idempotencyKeyRequired"] and not old["idempotencyKeyRequired"]:
        yield Change(True, name, "asks for an Idempotency-Key")
    if old["idempotencyKeyRequired"] and not new["idempotencyKeyRequired"]:
        yield Change(False, name, "does without an Idempotency-Key")
    yield from _list_changes(name, "heeds the header", old["headers"], new["headers"])
    yield from _list_changes(name, "tells the event", old["events"], new["events"])
    yield from _refusal_changes(name, old, new)


def _rights_changes(name: str, old: Document, new: Document) -> Iterator[Change]:
    (required, *own_before), (requires, *own_now) = _rights(old), _rights(new)
    was, now = set(required.split()), set(requires.split())
    if (was, own_before) != (now, own_now):
        less = "public" in now or (now <= was and "public" not in was and own_now >= own_before)
        yield Change(not less, name, f"asks for {new['scope']} instead of {old['scope']}")
    if "public" not in was | now:
        yield from _list_changes(name, "is for tokens of kind", old["tokens"], new["tokens"])


def _rights(operation: Document) -> list[str]:
    """The scopes, and after them what does instead."""
    rights: list[str] = operation["scope"].split(", or ")
    return rights


def _refusal_changes(name: str, old: Document, new: Document) -> Iterator[Change]:
    was = {each["code"]: each["status"] for each in old["refusals"]}
    now = {each["code"]: each["status"] for each in new["refusals"]}
    for code in sorted(now.keys() - was.keys()):
        yield Change(False, name, f"may refuse with {now[code]} {code}")
    for code in sorted(was.keys() - now.keys()):
        yield Change(False, name, f"no longer refuses with {code}")
    for code in sorted(was.keys() & now.keys()):
        if was[code] != now[code]:
            yield Change(True, name, f"refuses {code} with {now[code]} instead of {was[code]}")


def _event_changes(name: str, old: Document, new: Document) -> Iterator[Change]:
    yield from answer_changes(f"{name} event", old, new)


def _list_changes(
    where: str, verb: str, old: Iterable[str], new: Iterable[str]
) -> Iterator[Change]:
    was, now = set(old), set(new)
    for each in sorted(was - now):
        yield Change(True, where, f"no longer {verb} {each}")
    for each in sorted(now - was):
        yield Change(False, where, f"{verb} {each}")


def _fields(escapes: Iterable[Escape]) -> set[str]:
    return {escape.path for escape in escapes if escape.kind == "field"}


def _told(escape: Escape, words: Mapping[str, str]) -> str:
    return f"{escape.path or 'it'} {words[escape.kind].format(what=escape.what)}"
