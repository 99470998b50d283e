"""The refusal of what is beyond the bound: the same as any other, made faster; and spread out."""

import orjson
import pytest

from service.bus.dispatch import refusal
from service.bus.overload import MOST_SECONDS, Refusals
from service.problems import Overloaded


def block(*lines: str) -> bytes:
    return "\r\n".join(("NATS/1.0", *lines, "", "")).encode()


def retry_after(headers: bytes) -> int:
    [line] = [line for line in headers.split(b"\r\n") if line.startswith(b"Retry-After: ")]
    return int(line.removeprefix(b"Retry-After: "))


@pytest.mark.parametrize("name", ["X-Request-Id", "x-request-id", "X-REQUEST-ID"])
def test_as_any_refusal(name: str) -> None:
    """Header block and body are those that the dispatcher would have made."""
    usual = refusal(Overloaded(), "r-1")
    headers = block("Authorization: Bearer x", f"{name}: r-1", "Idempotency-Key: k")
    assert Refusals().refuse(headers, 0.0) == (usual.headers, usual.body)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("X-Request-Id: a b",),
        ("X-Request-Id: one", "X-Request-Id: two"),
        (f"X-Request-Id: {'x' * 37}",),
        ("Nats-X-Request-Id: one",),
    ],
)
def test_an_id_is_made_up(lines: tuple[str, ...]) -> None:
    """Where the request has none that can be repeated, as in every other reply."""
    headers, body = Refusals().refuse(block(*lines), 0.0)
    id = orjson.loads(body)["instance"]
    assert len(id) == 36
    assert f"X-Request-Id: {id}\r\n".encode() in headers


def test_those_who_come_again_are_spread() -> None:
    """Over about as many seconds as it takes to serve them; and no longer once there is room."""
    refusals = Refusals()
    for _ in range(400):
        assert retry_after(refusals.refuse(b"", 1.0)[0]) == 1
    refusals.done += 100
    told = [retry_after(refusals.refuse(b"", 2.5)[0]) for _ in range(400)]
    assert set(told) == {1, 2, 3, 4}
    refusals.done += 1_000
    assert retry_after(refusals.refuse(b"", 4.0)[0]) == 1


def test_nobody_stays_away_for_long() -> None:
    """Also when nothing is served at all."""
    refusals = Refusals()
    for _ in range(1_000):
        refusals.refuse(b"", 1.0)
    told = [retry_after(refusals.refuse(b"", 2.5)[0]) for _ in range(1_000)]
    assert max(told) <= MOST_SECONDS
    assert len(set(told)) > MOST_SECONDS / 2
