"""A mapping that forgets what was put into it first."""

from service.bounded import Bounded


def test_the_oldest_goes() -> None:
    """A new item takes the place of the oldest, an old one keeps its own."""
    bounded: Bounded[str, int] = Bounded(2)
    bounded["a"] = 1
    bounded["b"] = 2
    bounded["a"] = 3
    assert dict(bounded) == {"a": 3, "b": 2}
    bounded["c"] = 4
    assert dict(bounded) == {"b": 2, "c": 4}
    bounded.pop("b")
    bounded["d"] = 5
    assert dict(bounded) == {"c": 4, "d": 5}


def test_never_more() -> None:
    """However many are put in, it holds its bound, the newest of them."""
    bounded: Bounded[int, int] = Bounded(100)
    for number in range(10_000):
        bounded[number] = number
    assert list(bounded) == list(range(9_900, 10_000))
