"""The short form of `make fuzz`: all that it has kept, and a little that nobody has seen."""

import random
import time

import pytest

from tests.deployment import Deployment
from tests.fuzz.corpus import CORPUS, inputs
from tests.fuzz.target import Target

SECONDS = 3.0


@pytest.fixture(scope="module")
def deployment_settings() -> dict[str, object]:
    """As when it is fuzzed: nothing is refused for coming too often."""
    return {"exists_rate": 0}


async def test_corpus(deployment: Deployment) -> None:
    """What holds of every request holds of each that once reached a new line of code."""
    target = await Target.on(deployment)
    for data in inputs(CORPUS):
        await target.run(data)
    assert target.outcomes["200 "] > 10
    assert len(target.outcomes) > 10


async def test_mutations(deployment: Deployment) -> None:
    """So of what is made of them for some seconds, by a seed that a failure tells."""
    seed = random.randrange(2**32)
    draw = random.Random(seed)
    target, known = await Target.on(deployment), inputs(CORPUS)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        data = mutated(draw, draw.choice(known), draw.choice(known))
        try:
            await target.run(data)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, input {data.hex()}") from error


def mutated(draw: random.Random, data: bytes, other: bytes) -> bytes:
    """The start of one and the end of another, with some bytes in it changed."""
    mixed = bytearray(data[: draw.randrange(len(data) + 1)] + other[draw.randrange(len(other)) :])
    for _ in range(draw.randrange(4)):
        at = draw.randrange(len(mixed) + 1)
        mixed[at : at + draw.randrange(3)] = draw.randbytes(draw.randrange(4))
    return bytes(mixed)
