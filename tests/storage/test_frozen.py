"""A MongoDB that stops answering while its connections stand: 503 within 3 s, and then service."""

import asyncio

import pytest

from service.problems import Unavailable
from service.storage.mongo import Driver, Mongo
from tests.client import Partner, Reply, new_user
from tests.deployment import Deploy
from tests.eventually import eventually
from tests.servers import PrivateServers


async def test_worker(deploy: Deploy, private_servers: PrivateServers, driver: Driver) -> None:
    """Whatever is asked, by clients and users, is refused within 3 s, and carried out later."""
    mongo = await private_servers.mongo()
    partner = Partner(await deploy(mongo=mongo.url, mongo_driver=driver))
    entity_id = await partner.entity()
    user_id = await partner.user(entity_id)
    loop = asyncio.get_running_loop()

    async def timed(title: str, body: object, token: str | None = None) -> tuple[Reply, float]:
        began = loop.time()
        reply = await partner.ask(title, body, token)
        return reply, loop.time() - began

    mongo.freeze()
    try:
        asks = [
            timed("user.get", {"user_id": user_id}),
            timed("user.list", {}),
            timed("user.update", {"user_id": user_id, "title": "Dr"}),
            timed("user.exists", {"email": "ann@example.com"}),
            timed("user.me", {}, partner.user_token(user_id)),
            timed("entity.get", {"entity_id": entity_id}),
            *(timed("user.create", new_user(entity_id)) for _ in range(150)),
        ]
        for reply, seconds in await asyncio.gather(*asks):
            assert reply.refusal == (503, "UNAVAILABLE", None)
            assert seconds < 3
    finally:
        mongo.thaw()

    async def serves() -> bool:
        return (await partner.ask("user.get", {"user_id": user_id})).status == 200

    await eventually(serves)
    assert (await partner.ask("user.create", new_user(entity_id))).done


async def test_door(private_servers: PrivateServers, driver: Driver) -> None:
    """Each way through the door says Unavailable within its time limit, and works again after."""
    server = await private_servers.mongo()
    mongo = Mongo(server.url, "frozen", driver)
    await mongo.insert("things", [{"_id": 1}])
    loop = asyncio.get_running_loop()
    server.freeze()
    try:
        began = loop.time()
        results = await asyncio.gather(
            mongo.ping(),
            mongo.find("things", {}),
            mongo.insert("things", [{"_id": 2}]),
            mongo.update("things", [({"_id": 1}, {"$set": {"x": 1}})]),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [Unavailable] * 4
        assert loop.time() - began < 3
    finally:
        server.thaw()

    async def answers() -> bool:
        try:
            return bool(await mongo.find("things", {"_id": 1}))
        except Unavailable:
            return False

    await eventually(answers)
    await mongo.close()


@pytest.mark.parametrize(
    "uri", ["mongodb://127.0.0.1:1/?replicaSet=rs0", "mongodb://nowhere.invalid/"]
)
async def test_nobody_there(uri: str, driver: Driver) -> None:
    """Where there is no MongoDB, that is said within the same time."""
    mongo = Mongo(uri, "nobody", driver)
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable):
        await mongo.ping()
    assert asyncio.get_running_loop().time() - began < 3
    await mongo.close()
