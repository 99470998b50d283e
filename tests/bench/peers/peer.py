"""How a peer runs: told where the servers are, it says `ready` once it serves, until SIGTERM."""

import argparse
import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import uvloop


@dataclass(frozen=True)
class Options:
    """The servers, and the peer's own name: it begins its subjects and names its database."""

    nats: str
    mongo: str
    name: str

    @property
    def stream(self) -> str:
        """The stream that takes the peer's events."""
        return f"{self.name.upper()}_EVENTS"

    @property
    def event_subjects(self) -> list[str]:
        """The subjects of that stream."""
        return [f"{self.name}.evt.>"]


def run(serving: Callable[[Options], AbstractAsyncContextManager[None]]) -> None:
    """Serve from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--nats", required=True)
    parser.add_argument("--mongo", default="")
    parser.add_argument("--name", required=True)
    uvloop.run(_serve(serving(Options(**vars(parser.parse_args())))))


async def _serve(serving: AbstractAsyncContextManager[None]) -> None:
    stopped = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    async with serving:
        print("ready", flush=True)
        await stopped.wait()
