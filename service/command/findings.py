"""What an examination finds: each thing looked at is as it should be, or wrong, or unknown."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing is."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` is what to do about one that is wrong."""

    what: str
    state: State
    found: str
    advice: str = ""


def ok(what: str, found: str) -> Finding:
    """It is as it should be."""
    return Finding(what, State.OK, found)


def wrong(what: str, found: str, advice: str) -> Finding:
    """It is not, and this is what to do."""
    return Finding(what, State.WRONG, found, advice)


def unknown(what: str, found: str, advice: str = "") -> Finding:
    """It could not be looked at, or need not be there."""
    return Finding(what, State.UNKNOWN, found, advice)


def clock(what: str, seconds_ahead: float) -> Finding:
    """How far the clock of this machine is from another's."""
    found = (
        f"this machine is {abs(seconds_ahead):.2f} s {'ahead' if seconds_ahead > 0 else 'behind'}"
    )
    if abs(seconds_ahead) > MOST_APART:
        return wrong(what, found, "Tokens and times would be off: keep both in step by NTP.")
    return ok(what, found)


MOST_APART = 2.0
"""Seconds that clocks may differ: a token from 5 s ahead is refused."""
