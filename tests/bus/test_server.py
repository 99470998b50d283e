"""The order of checks, the bounds, and the end of a worker."""

import asyncio
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from nats.errors import NoRespondersError

from service.auth.scopes import ALL_SCOPES
from tests.bus.raw import RawClient
from tests.client import BY_TITLE, Partner, new_user
from tests.deployment import Deploy, Deployment
from tests.eventually import eventually
from tests.servers import PrivateServers

NO_ONE = str(uuid4())


class TestOrderOfChecks:
    """Each request here breaks one rule and all those that are asked after it."""

    async def test_subject_before_size(self, raw: RawClient) -> None:
        reply = await raw.request(BY_TITLE["user.create"], b"*", b"x" * 300_000)
        assert reply.refusal == (400, "INVALID_SUBJECT", None)

    async def test_size_before_token(self, partner: Partner) -> None:
        reply = await partner.ask("user.create", b"x" * 300_000, token="")
        assert reply.refusal == (400, "TOO_LARGE", None)

    async def test_token_before_partner(self, partner: Partner) -> None:
        other = Partner(partner.deployment)
        expired = partner.deployment.token(other.name, scopes=(), now=1, ttl=1)
        reply = await partner.ask("user.create", b"x", expired)
        assert reply.refusal == (401, "TOKEN_EXPIRED", None)

    async def test_partner_before_kind(self, partner: Partner) -> None:
        foreign = Partner(partner.deployment).user_token(NO_ONE, scopes=())
        reply = await partner.ask("user.create", b"x", foreign)
        assert reply.refusal == (403, "WRONG_PARTNER", None)

    async def test_kind_and_scope_before_body(self, partner: Partner) -> None:
        user = await partner.ask("user.create", b"x", partner.user_token(NO_ONE))
        assert user.refusal == (403, "WRONG_TOKEN_KIND", None)
        less = partner.token(scopes=ALL_SCOPES - {"write:user"})
        client = await partner.ask("user.create", b"x", less)
        assert client.refusal == (403, "MISSING_SCOPE", None)
        assert client.body["errors"][0]["arguments"] == ["write:user"]

    async def test_body_before_replay(self, partner: Partner) -> None:
        entity_id = await partner.entity()
        await partner.ask("user.create", new_user(entity_id), idempotency_key="k")
        reply = await partner.ask("user.create", b"x", idempotency_key="k")
        assert reply.refusal == (400, "INVALID_JSON", None)

    async def test_replay_before_existence(self, partner: Partner) -> None:
        entity_id = await partner.entity()
        await partner.ask("user.create", new_user(entity_id), idempotency_key="k")
        reply = await partner.ask("user.create", new_user(NO_ONE), idempotency_key="k")
        assert reply.refusal == (409, "IDEMPOTENCY_KEY_REUSED", None)

    async def test_existence_before_version(self, partner: Partner) -> None:
        body = {"user_id": NO_ONE, "id_type": "passport"}
        reply = await partner.ask("user.update", body, if_match="7")
        assert reply.refusal == (404, "USER_NOT_FOUND", "user_id")

    async def test_version_before_own_rules(self, partner: Partner) -> None:
        body = {"user_id": await partner.user(), "id_type": "passport"}
        reply = await partner.ask("user.update", body, if_match="7")
        assert reply.refusal == (409, "VERSION_CONFLICT", None)

    async def test_rate_before_subject(self, deploy: Deploy) -> None:
        deployment = await deploy(partner_rate=1)
        raw = await RawClient.connect(deployment.nats_url)
        replies = [await raw.request(BY_TITLE["user.get"], b"*", b"x") for _ in range(8)]
        await raw.close()
        refusals = {reply.refusal for reply in replies}
        assert refusals == {(400, "INVALID_SUBJECT", None), (429, "RATE_LIMITED", None)}


class TestRates:
    async def test_each_partner_has_its_own(self, deploy: Deploy) -> None:
        """A partner over its rate is refused until time has passed; others are not."""
        deployment = await deploy(partner_rate=5)
        loud, quiet = Partner(deployment), Partner(deployment)
        replies = await asyncio.gather(*(loud.ask("user.list", {}) for _ in range(40)))
        refused = [reply for reply in replies if reply.status != 200]
        assert 25 <= len(refused) < 40
        for reply in refused:
            assert reply.refusal == (429, "RATE_LIMITED", None)
            assert int(reply.headers["Retry-After"]) >= 1
        assert (await quiet.ask("user.list", {})).done

        async def admitted() -> bool:
            return (await loud.ask("user.list", {})).status == 200

        await eventually(admitted)

    @pytest.mark.parametrize("settings", [{"partner_rate": 0.1}, {"exists_rate": 0.1}], ids=str)
    async def test_it_is_told_how_long_to_stay_away(
        self, deploy: Deploy, settings: dict[str, Any]
    ) -> None:
        """Until the next is admitted, be that the partner's rate or the operation's own."""
        partner = Partner(await deploy(**settings))
        body = {"email": "nobody@example.com"}
        assert (await partner.ask("user.exists", body)).done
        refused = await partner.ask("user.exists", body)
        assert refused.refusal == (429, "RATE_LIMITED", None)
        assert 8 <= int(refused.headers["Retry-After"]) <= 10


class TestBound:
    async def test_more_than_the_bound_is_refused_at_once(
        self,
        deploy: Deploy,
        private_servers: PrivateServers,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """With the worker full of requests that hang, the next hears OVERLOADED and does not wait.

        A place that is not the caller's hears nothing, and the log says so. The requests that hung
        are answered too; and when the worker has room again it serves.
        """
        mongo = await private_servers.mongo()
        deployment = await deploy(mongo=mongo.url, bound=4)
        partner, worker = Partner(deployment), deployment.worker
        user_id = await partner.user()
        mongo.freeze()
        loop = asyncio.get_running_loop()
        try:
            get = [partner.ask("user.get", {"user_id": user_id}) for _ in range(4)]
            hanging = [loop.create_task(each) for each in get]
            await eventually(lambda: worker.server.in_flight == 4)
            began = loop.time()
            replies = await asyncio.gather(
                *(partner.ask("user.get", {}, x_request_id=f"r-{n}") for n in range(20))
            )
            assert loop.time() - began < 1
            for number, reply in enumerate(replies):
                assert reply.refusal == (503, "OVERLOADED", None)
                assert reply.headers["Retry-After"] == "1"
                assert reply.headers["X-Request-Id"] == f"r-{number}"
            await deployment.nats.publish(partner.subject("user.get"), reply="evt.x")
            await eventually(lambda: "reply_subject_refused" in capsys.readouterr().out)
            assert not any(task.done() for task in hanging)
        finally:
            mongo.thaw()
        for reply in await asyncio.gather(*hanging):
            assert reply.status == 200 or reply.refusal == (503, "UNAVAILABLE", None)

        async def serves() -> bool:
            return (await partner.ask("user.get", {"user_id": user_id})).status == 200

        await eventually(serves)

    async def test_bound_under_load(self, deploy: Deploy) -> None:
        """Whatever comes at once, each is answered: done, or refused for the bound."""
        partner = Partner(await deploy(bound=8))
        replies = await asyncio.gather(*(partner.ask("user.list", {}) for _ in range(500)))
        refused = [reply.refusal for reply in replies if reply.status != 200]
        assert set(refused) <= {(503, "OVERLOADED", None)}
        assert len(refused) < 500
        assert (await partner.ask("user.list", {})).done


class TestDrain:
    async def test_rolling_restart_loses_nothing(self, deploy: Deploy) -> None:
        """Workers that stop one by one under load answer all they took; another takes the rest."""
        deployment = await deploy(2)
        partner = Partner(deployment)
        entity_id = await partner.entity()
        going_on = True

        async def client() -> list[str]:
            created = []
            while going_on:
                body = new_user(entity_id)
                created.append((await partner.ask("user.create", body)).done["userId"])
            return created

        clients = [asyncio.get_running_loop().create_task(client()) for _ in range(16)]
        for _ in range(2):
            enough = sum(deployment.answered) + 50
            await eventually(partial(self.answered, deployment, enough))
            await deployment.add_worker()
            await deployment.stop_worker(deployment.worker)
        going_on = False
        created = [id for ids in await asyncio.gather(*clients) for id in ids]
        kept = await deployment.database["users"].distinct("_id")
        assert sorted(created) == sorted(kept)
        for user_id in created[::20]:
            assert await partner.events(user_id, 1)

    def answered(self, deployment: Deployment, enough: int) -> bool:
        return sum(deployment.answered) > enough

    async def test_what_came_is_answered(self, deploy: Deploy) -> None:
        """A worker that stops answers what it has, publishes its events, and then is gone."""
        deployment = await deploy()
        partner = Partner(deployment)
        entity_id = await partner.entity()
        worker = deployment.worker
        loop = asyncio.get_running_loop()
        asks = [partner.ask("user.create", new_user(entity_id)) for _ in range(50)]
        tasks = [loop.create_task(each) for each in asks]
        await eventually(lambda: worker.server.in_flight == 50 or all(t.done() for t in tasks))
        await deployment.stop_worker(worker)
        replies = await asyncio.gather(*tasks)
        for reply in replies:
            assert await partner.events(reply.done["userId"], 1)
        pending = await deployment.database["users"].count_documents({"outbox": {"$ne": []}})
        assert pending == 0
        with pytest.raises(NoRespondersError):
            await partner.ask("user.list", {})


@pytest.mark.parametrize(
    "subject", ["svc.user.acme.fly", "svc.nobody.acme.create", "svc.user.acme.create.now"]
)
async def test_what_nobody_serves(partner: Partner, subject: str) -> None:
    """NATS itself answers for an operation that there is not."""
    with pytest.raises(NoRespondersError):
        await partner.deployment.nats.request(subject, b"{}")
