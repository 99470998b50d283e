"""What MongoDB was asked for people, as its own profiler saw it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tests.deployment import Deployment

_OF_PEOPLE = ("persons", "users", "entities", "verifications")
_READING = {"find", "aggregate", "getMore"}


@asynccontextmanager
async def profiled(deployment: Deployment) -> AsyncIterator[list[dict[str, Any]]]:
    """The reads of the block in people's collections; filled when the block ends."""
    database = deployment.database
    await database.drop_collection("system.profile")
    commands: list[dict[str, Any]] = []
    await database.command("profile", 2)
    try:
        yield commands
    finally:
        await database.command("profile", 0)
    wanted = {"ns": {"$in": [f"{database.name}.{name}" for name in _OF_PEOPLE]}}
    lines = await database["system.profile"].find(wanted).sort("ts", 1).to_list()
    commands += [line for line in lines if _for_a_request(line["command"])]


def _for_a_request(command: Mapping[str, Any]) -> bool:
    """Whether it reads, and is not one of what a worker does beside its requests."""
    background = "outbox.at" in str(command) or "revoked.at" in str(command)
    return bool(_READING & command.keys()) and not background
