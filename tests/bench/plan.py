"""The requests of a load, cut up beforehand into the bytes between what differs per request.

A frame holds its request's number in the reply subject and wherever the payload says `UNIQUE`. The
pieces around these places are made once, so that a frame costs one `bytes.join` when it is sent.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from tests.bench.job import UNIQUE, Job, Operation

NUMBER_WIDTH = 8
SIZE = 8192
"""Long enough for the weights and the draws to look random, short enough for the cache."""


@dataclass(frozen=True)
class Plan:
    """The cycle of requests to send: the pieces of each, and the index of its operation."""

    pieces: list[list[bytes]]
    kinds: list[int]
    expects: list[bytes]

    @property
    def size(self) -> int:
        """The number of requests after which the pieces repeat."""
        return len(self.pieces)


def plan_of(job: Job, inbox: str) -> Plan:
    """Draw the operations by their weights, and the values that they name."""
    chance = random.Random(job.seed)
    weights = [operation.weight for operation in job.operations]
    kinds = chance.choices(range(len(weights)), weights, k=SIZE)
    pieces = []
    for kind in kinds:
        values = {name: chance.choice(known) for name, known in job.picks.items() if known}
        operation = job.operations[kind]
        pieces.append(_pieces(operation, filled(operation.payload, values), inbox))
    return Plan(pieces, kinds, [operation.expect.encode() for operation in job.operations])


def filled(payload: str, values: Mapping[str, str]) -> str:
    """Put values in the place of their names."""
    for name, value in values.items():
        payload = payload.replace(name, value)
    return payload


def _pieces(operation: Operation, payload: str, inbox: str) -> list[bytes]:
    body = payload.encode()
    size = len(body) + body.count(UNIQUE.encode()) * (NUMBER_WIDTH - len(UNIQUE))
    verb, header, sizes = "PUB", b"", f"{size}"
    if operation.headers:
        lines = [f"{name}: {value}\r\n" for name, value in operation.headers.items()]
        header = f"NATS/1.0\r\n{''.join(lines)}\r\n".encode()
        verb, sizes = "HPUB", f"{len(header)} {len(header) + size}"
    line = f"{verb} {operation.subject} {inbox}{UNIQUE} {sizes}\r\n".encode()
    return (line + header + body + b"\r\n").split(UNIQUE.encode())
