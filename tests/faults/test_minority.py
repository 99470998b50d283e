"""A primary that has lost the others: it has what no majority has, and may lose it again."""

import asyncio
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from service.local import start_mongo
from service.local.ports import LOOPBACK, free_port
from tests.client import new_user
from tests.eventually import eventually
from tests.faults.house import DATABASE, House, connected
from tests.faults.load import Load
from tests.servers import PrivateServers

MEMBERS = 3

Request = tuple[str, dict[str, Any], dict[str, str]]


async def is_primary(port: int) -> bool:
    async with AsyncMongoClient[dict[str, Any]](LOOPBACK, port, directConnection=True) as client:
        return bool((await client.admin.command("hello"))["isWritablePrimary"])


async def test_what_no_majority_has(private_servers: PrivateServers, tmp_path: Path) -> None:
    """Whoever repeats a request hears 503 as the first did, not what may yet be undone."""
    nats = await private_servers.nats()
    ports = [free_port() for _ in range(MEMBERS)]
    members = [f"{LOOPBACK}:{port}" for port in ports]
    mongods = await asyncio.gather(
        *(
            start_mongo(tmp_path / f"m{number}", port=port, members=members, founds=number == 0)
            for number, port in enumerate(ports)
        )
    )
    house = House(tmp_path, [nats], mongods, await connected(nats.url))
    try:
        await house.two_workers()
        load = Load(house.bus, house.token)
        await load.prepare()
        user_id = await load.create()
        primaries = [await is_primary(port) for port in ports]
        for mongod, primary in zip(mongods, primaries, strict=True):
            if not primary:
                mongod.kill()

        body = new_user(load.entity_id, email="minor@example.com")
        asked: Request = ("user.create", body, {"Idempotency-Key": "k"})
        ended: Request = ("user.deactivate", {"user_id": user_id}, {})
        first = [asyncio.create_task(load.ask(*each)) for each in (asked, ended)]
        users = AsyncMongoClient[dict[str, Any]](
            LOOPBACK, ports[primaries.index(True)], directConnection=True
        )[DATABASE]["users"]

        async def both_written() -> bool:
            made = await users.find_one({"email": "minor@example.com"})
            return made is not None and await users.find_one({"active": False}) is not None

        await eventually(both_written)
        again = [load.ask(*each) for each in (asked, ended, asked, ended)]
        answers = await asyncio.gather(*first, *again)
        await users.database.client.close()
        assert [answer.status for answer in answers] == [503] * len(answers)
    finally:
        await house.close()
