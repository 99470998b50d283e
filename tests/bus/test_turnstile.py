"""The turnstile: who starts, who waits, and whose turn it is."""

import pytest

from service.bus.turnstile import Turnstile

AT_ONCE = 64
ALONE = 100


@pytest.fixture
def turnstile() -> Turnstile[int]:
    return Turnstile(AT_ONCE, ALONE)


def enter(turnstile: Turnstile[int], partner: bytes, count: int, now: float = 0.0) -> int:
    """How many of so many requests may start."""
    return sum(turnstile.enter(partner, number, now) for number in range(count))


def test_alone(turnstile: Turnstile[int]) -> None:
    """A partner that asks alone has the whole worker; the rest wait, and start as others leave."""
    assert enter(turnstile, b"acme", 140) == ALONE
    assert (turnstile.running, turnstile.waiting) == (ALONE, 40)
    for number in range(ALONE, 140):
        assert turnstile.leave(b"acme", 0.0) == [(b"acme", number)]
    for _ in range(ALONE):
        assert turnstile.leave(b"acme", 0.0) == []
    assert (turnstile.running, turnstile.waiting) == (0, 0)


def test_newcomer(turnstile: Turnstile[int]) -> None:
    """A partner that has nothing running starts at once, whatever is in others' queues."""
    enter(turnstile, b"loud", 500)
    assert turnstile.enter(b"quiet", 0, 0.0)
    assert not turnstile.enter(b"loud", 0, 0.0)


def test_equal_shares(turnstile: Turnstile[int]) -> None:
    """Two that both want more than there is end with half of the worker each."""
    enter(turnstile, b"loud", 1_000)
    enter(turnstile, b"other", 1_000)
    running = {b"loud": ALONE, b"other": 1}
    for number in range(400):
        partner = b"loud" if number % 2 and running[b"loud"] else b"other"
        running[partner] -= 1
        for started, _ in turnstile.leave(partner, 0.0):
            running[started] += 1
    assert running == {b"loud": AT_ONCE // 2, b"other": AT_ONCE // 2}


def test_share_comes_back(turnstile: Turnstile[int]) -> None:
    """A partner that has asked nothing for a while keeps nothing free for itself."""
    assert enter(turnstile, b"other", 1, 0.0) == 1
    turnstile.leave(b"other", 0.0)
    assert enter(turnstile, b"acme", 100, 0.1) == AT_ONCE // 2
    assert enter(turnstile, b"acme", 1, 5.0) == 0, "those that came before it go first"
    assert len(turnstile.leave(b"acme", 0.0)) == 100 - AT_ONCE // 2 + 1


def test_made_up_partners(turnstile: Turnstile[int]) -> None:
    """Thousands of partners that ask once each do not all start at once."""
    started = sum(turnstile.enter(b"%d" % number, number, 0.0) for number in range(5_000))
    assert started == turnstile.running == ALONE + AT_ONCE
    assert turnstile.waiting == 5_000 - started


def test_dear_requests(turnstile: Turnstile[int]) -> None:
    """The dearer requests are, the fewer a partner has running beside others; alone, all it can."""
    enter(turnstile, b"other", 1)
    turnstile.charge(0.000_2)
    assert enter(turnstile, b"creates", 100) == 10
    turnstile.charge(0.1)
    assert enter(turnstile, b"lists", 100) == 2
    turnstile.charge(0.000_001)
    assert enter(turnstile, b"gets", 100) == AT_ONCE // 4
    turnstile.charge(0.0)
    assert enter(turnstile, b"others", 100) == AT_ONCE // 5
    lone = Turnstile[int](AT_ONCE, ALONE)
    lone.charge(0.1)
    assert enter(lone, b"acme", 200) == ALONE


def test_hurry(turnstile: Turnstile[int]) -> None:
    """Those that have waited too long start though nobody left; those that came later wait on."""
    enter(turnstile, b"acme", ALONE + 3, 1.0)
    enter(turnstile, b"acme", 2, 2.0)
    assert turnstile.hurry(1.5) == [(b"acme", number) for number in range(ALONE, ALONE + 3)]
    assert turnstile.waiting == 2
    assert turnstile.hurry(1.5) == []


def test_no_hurry_for_what_is_only_much(turnstile: Turnstile[int]) -> None:
    """A queue that moves on is left to its turns; one of which nothing ends is not."""
    enter(turnstile, b"acme", ALONE + 3, 1.0)
    enter(turnstile, b"stuck", ALONE, 1.0)
    assert len(turnstile.leave(b"acme", 2.0)) <= 1
    assert {partner for partner, _ in turnstile.hurry(1.5)} == {b"stuck"}
    assert {partner for partner, _ in turnstile.hurry(2.5)} == {b"acme"}
