"""Asks a worker's HTTP port: with a real client, or with bytes as a test writes them."""

import asyncio
import json
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection

from prometheus_client.parser import text_string_to_metric_families

LOOPBACK = "127.0.0.1"

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def checks(self) -> dict[str, str]:
        """What a health page says of each thing."""
        checks: dict[str, str] = json.loads(self.body)["checks"]
        return checks


async def get(port: int, path: str, method: str = "GET", **headers: str) -> Reply:
    """Ask with a client that keeps to HTTP."""
    return await asyncio.to_thread(_get, port, path, method, headers)


def _get(port: int, path: str, method: str, headers: dict[str, str]) -> Reply:
    connection = HTTPConnection(LOOPBACK, port, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    with closing(connection):
        return Reply(response.status, dict(response.headers), response.read())


async def send(port: int, data: bytes) -> bytes:
    """Send these bytes, and give all that comes until the port closes the connection."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def is_ready(port: int) -> bool:
    return (await get(port, "/readyz")).status == 200


class Samples:
    """The samples of one scrape."""

    def __init__(self, body: bytes) -> None:
        self.names: set[str] = set()
        self._values: dict[tuple[str, Labels], float] = {}
        for family in text_string_to_metric_families(body.decode()):
            for sample in family.samples:
                self.names.add(sample.name)
                self._values[sample.name, frozenset(sample.labels.items())] = sample.value

    def value(self, name: str, **labels: str) -> float:
        """The one sample with these labels; 0 where there is none."""
        return self._values.get((name, frozenset(labels.items())), 0.0)

    def total(self, name: str) -> float:
        """The sum over all labels."""
        return sum(value for (each, _), value in self._values.items() if each == name)

    def labels(self) -> dict[str, set[str]]:
        """Each label's values, whatever the metric."""
        found: dict[str, set[str]] = {}
        for _, labels in self._values:
            for label, value in labels:
                found.setdefault(label, set()).add(value)
        return found


async def scrape(port: int) -> Samples:
    return Samples((await get(port, "/metrics")).body)
