"""What a relay remembers of what it has settled."""

from datetime import UTC, datetime

from service.bus.settled import Settled
from service.storage.outbox import Entry, Pending

KEY = ("users", "a user")


def entry(version: int) -> Entry:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return {"id": f"event {version}", "version": version, "type": "user.updated", "at": at}


def pending(*versions: int, after: int = 7) -> Pending:
    return Pending(*KEY, "acme", after, [entry(version) for version in versions])


def test_nothing_is_known() -> None:
    """Of another aggregate, or before anything was settled, all that is pending is left."""
    settled = Settled()
    assert settled.left(pending(1, 2)) == pending(1, 2)
    settled.note(("accounts", "a user"), ["event 1"], 1, 8)
    assert settled.left(pending(1, 2)) == pending(1, 2)


def test_read_before() -> None:
    """A document that was read before it was settled has what is newer left, and its place."""
    settled = Settled()
    settled.note(KEY, ["event 1", "event 2"], 2, 9)
    assert settled.left(pending(1, 2, 3, 4)) == pending(3, 4, after=9)
    assert settled.left(pending(2)) == pending(after=9)


def test_read_after() -> None:
    """A document that was read after it was settled knows better: others may have gone on."""
    settled = Settled()
    settled.note(KEY, ["event 2"], 2, 9)
    assert settled.left(pending(4, after=12)) == pending(4, after=12)


def test_settled_by_another() -> None:
    """Of an event that the stream has, and that another worker is to settle, nothing is known."""
    settled = Settled()
    settled.note(KEY, ["event 1"], 2, 9)
    assert settled.left(pending(1, 2, 3)) == pending(1, 2, 3)


def test_bound() -> None:
    """What was settled longest ago is forgotten first."""
    settled = Settled()
    settled.note(KEY, ["event 1"], 1, 8)
    for number in range(5_000):
        settled.note(("users", f"{number}"), ["event 1"], 1, number)
    assert settled.left(pending(1)) == pending(1)
    last = Pending("users", "4999", "acme", 0, [entry(1), entry(2)])
    assert settled.left(last).after == 4_999
