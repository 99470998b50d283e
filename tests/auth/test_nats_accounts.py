"""Accounts of NATS as `svc-user nats-config` writes them: two partners on a real nats-server.

What a partner may not do is tried twice: with its own credentials, where NATS says so, and with
credentials that may say and hear everything within its account, where nothing may come of it.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGHUP
from typing import Any
from uuid import uuid4

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js import JetStreamContext
from typer.testing import CliRunner

from schemas.client import Client as TypedClient
from service.auth import nats_claims
from service.auth.nats_accounts import DOMAIN
from service.auth.nats_claims import NatsKey
from service.cli import app
from service.command.nats_folder import TRUSTED
from service.local import LocalServer, start_nats
from service.local.ports import LOOPBACK, free_port
from service.resources import STREAM
from tests.client import Partner
from tests.deployment import Deployment
from tests.eventually import eventually
from tests.servers import PrivateServers

API = f"$JS.{DOMAIN}.API"
ENTITY = {"entity_type": "business", "registration_number": "1", "trading_name": "Acme"}


@dataclass
class Station:
    """A connection with somebody's credentials, and what NATS has complained of on it."""

    client: Client
    token: str
    complaints: list[str] = field(default_factory=list)

    @property
    def jetstream(self) -> JetStreamContext:
        return self.client.jetstream(domain=DOMAIN)

    async def ask(self, subject: str, body: Any) -> Any:
        """Ask with the credentials' own JWT as the token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        payload = json.dumps(body).encode()
        reply = await self.client.request(subject, payload, headers=headers, timeout=5)
        return json.loads(reply.data)

    async def hearing(self, subject: str) -> list[Msg]:
        """All that comes on the subject from now on."""
        heard: list[Msg] = []

        async def keep(message: Msg) -> None:
            heard.append(message)

        await self.client.subscribe(subject, cb=keep)
        await self.client.flush()
        return heard

    async def refused(self, what: str) -> None:
        """Return once NATS has said that it does not let this happen."""
        await self.client.flush()

        async def said() -> bool:
            return any(what.lower() in complaint.lower() for complaint in self.complaints)

        await eventually(said, within=5, what=f"NATS refuses {what}: {self.complaints}")


@dataclass
class Site:
    """A nats-server with the accounts of acme and globex, and a worker on it."""

    folder: Path
    server: LocalServer
    deployment: Deployment
    leaf_port: int
    stations: list[Station] = field(default_factory=list)

    async def station(self, creds: Path | str) -> Station:
        """A connection with these credentials: a file, or a partner's name."""
        path = self.folder / "partners" / f"{creds}.creds" if isinstance(creds, str) else creds
        complaints: list[str] = []

        async def complain(error: Exception) -> None:
            complaints.append(str(error))

        client = await nats.connect(
            self.server.url, user_credentials=str(path), error_cb=complain, allow_reconnect=False
        )
        station = Station(client, path.read_text().splitlines()[1], complaints)
        self.stations.append(station)
        return station

    async def almighty(self, partner: str) -> Station:
        """A user of the partner's account without any bound within it, as no command makes one."""
        account = NatsKey((self.folder / f"partners/{partner}.nk").read_text().strip())
        signer = NatsKey((self.folder / "partners-signing.nk").read_text().strip())
        key = NatsKey.generate("user")
        claims = nats_claims.user("all", account.name, key, tags=(), expires=None)
        claims["nats"] |= {"pub": {"allow": [">"]}, "sub": {"allow": [">"]}}
        path = self.folder / f"{uuid4().hex}.creds"
        path.write_text(nats_claims.credentials(signer.sign(claims, int(time.time())), key))
        return await self.station(path)

    async def sequence(self) -> tuple[int, int]:
        """Last sequence and number of messages of the event stream."""
        state = (await self.deployment.nats.jetstream().stream_info(STREAM)).state
        return state.last_seq, state.messages


def configured(folder: Path, *arguments: str) -> str:
    """What the command prints."""
    words = ["nats-config", "--nats-dir", str(folder), *arguments]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
async def site(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Two partners, of whom globex has a second consumer."""
    folder = tmp_path_factory.mktemp("accounts")
    configured(folder, "--partner", "acme", "--scope", "read:user write:business")
    configured(folder, "--partner", "globex", "--consumer", "crm")
    place, accounts = tmp_path_factory.mktemp("nats"), folder / "accounts.conf"
    # An include is looked for from the folder of the file that it stands in.
    include = f"include {json.dumps('../../' + str(accounts.relative_to(place.parent)))}\n"
    leaf_port = free_port()
    leaves = f'leafnodes {{ listen: "{LOOPBACK}:{leaf_port}" }}\n'
    server = await start_nats(place, port=0, config=include + leaves)
    deployment = Deployment(
        tmp_path_factory.mktemp("keys"), server.url, mongo_uri, f"test_{uuid4().hex}"
    )
    creds = folder / "service.creds"
    await deployment.add_worker(nats_creds=creds, nats_accounts_file=folder / TRUSTED)
    deployment.nats = await nats.connect(server.url, user_credentials=str(creds))
    site = Site(folder, server, deployment, leaf_port)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SVC_USER_NATS_URL", server.url)
        patch.setenv("SVC_USER_NATS_CREDS", str(creds))
        words = ["nats-consumers", "--nats-dir", str(folder)]
        for state in ("made", "was there, left as it is"):
            result = await asyncio.to_thread(CliRunner().invoke, app, words)
            assert result.output.splitlines() == [
                f"{name}: {state}" for name in ("acme", "globex", "globex+crm")
            ]
    yield site
    for station in site.stations:
        await station.client.close()
    await deployment.stop()
    server.kill()


@pytest.fixture(scope="module")
async def acme(site: Site) -> Station:
    return await site.station("acme")


@pytest.fixture(scope="module")
async def globex(site: Site) -> Station:
    return await site.station("globex")


async def told(site: Site, station: Station, partner: str) -> str:
    """The id of an entity of the partner whose event is in the stream."""
    entity: str = (await station.ask(f"svc.entity.{partner}.create", ENTITY))["entityId"]
    await Partner(site.deployment, partner).events(entity, 1)
    return entity


async def fetched(station: Station, consumer: str) -> list[str]:
    """The subjects of all that the consumer still has, each acknowledged and the last one told."""
    subscription = await station.jetstream.pull_subscribe_bind(consumer, STREAM)
    subjects = []
    while True:
        try:
            for message in await subscription.fetch(10, timeout=0.5):
                subjects.append(message.subject)
                await message.ack_sync()
        except TimeoutError:  # nats-py has one of its own, and raises either
            return subjects


async def test_its_own_requests(acme: Station) -> None:
    """The credentials are a connection and a token at once, with the scopes that were given."""
    assert (await acme.ask("svc.user.acme.list", {}))["users"] == []
    refused = await acme.ask("svc.user.acme.deactivate", {"user_id": str(uuid4())})
    assert refused["errors"][0]["code"] == "MISSING_SCOPE"


async def test_its_own_events(site: Site, acme: Station, globex: Station) -> None:
    """Each hears of its own as it happens, and reads its own from its durable consumers."""
    heard = {
        "acme": await acme.hearing("evt.*.acme.>"),
        "globex": await globex.hearing("evt.*.globex.>"),
    }
    ids = {"acme": await told(site, acme, "acme"), "globex": await told(site, globex, "globex")}
    for name, station in (("acme", acme), ("globex", globex)):
        subject = f"evt.business.{name}.{ids[name]}.created"
        await eventually(lambda: had(heard[name], subject), within=5)  # noqa: B023
        assert {message.subject.split(".")[2] for message in heard[name]} == {name}
        subjects = await fetched(station, name)
        assert subject in subjects
        assert {each.split(".")[2] for each in subjects} == {name}
        assert await fetched(station, name) == []
        assert (await station.jetstream.consumer_info(STREAM, name)).num_pending == 0
    assert ids["globex"] in "".join(await fetched(globex, "globex+crm"))


async def had(messages: list[Msg], subject: str) -> bool:
    return subject in [message.subject for message in messages]


async def test_the_typed_client_reads_with_a_partners_credentials(
    site: Site, globex: Station
) -> None:
    """From where its reader is; it asks for nothing that the credentials do not allow."""
    made = [await told(site, globex, "globex") for _ in range(2)]
    client = TypedClient(globex.client, "globex", globex.token, jetstream_domain=DOMAIN)
    for expected in made:
        async with client.events("globex+crm", "business.created", aggregate=expected) as events:
            assert (await anext(events)).aggregate == expected
    assert globex.complaints == []


FORBIDDEN = [
    "svc.user.globex.list",
    "svc.user.acme.list.more",
    "evt.business.acme.x.created",
    "evt.business.globex.x.created",
    "$SRV.PING",
    "$SRV.INFO.svc-user",
    "$SYS.REQ.SERVER.PING",
    "_INBOX.somebody",
    "_R_.somebody",
    f"$JS.API.STREAM.DELETE.{STREAM}",
    f"$JS.API.STREAM.PURGE.{STREAM}",
    f"$JS.API.STREAM.UPDATE.{STREAM}",
    f"$JS.API.STREAM.INFO.{STREAM}",
    f"$JS.API.STREAM.MSG.GET.{STREAM}",
    f"$JS.API.STREAM.MSG.DELETE.{STREAM}",
    f"$JS.API.STREAM.LEADER.STEPDOWN.{STREAM}",
    "$JS.API.STREAM.CREATE.OTHER",
    f"$JS.API.DIRECT.GET.{STREAM}",
    f"$JS.API.DIRECT.GET.{STREAM}.evt.business.globex.x.created",
    f"$JS.API.CONSUMER.NAMES.{STREAM}",
    f"$JS.API.CONSUMER.INFO.{STREAM}.globex",
    f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.globex",
    f"$JS.API.CONSUMER.DELETE.{STREAM}.globex",
    f"$JS.API.CONSUMER.DELETE.{STREAM}.acme",
    f"$JS.API.CONSUMER.CREATE.{STREAM}",
    f"$JS.API.CONSUMER.CREATE.{STREAM}.acme.evt.*.acme.>",
    f"$JS.API.CONSUMER.CREATE.{STREAM}.new.evt.*.globex.>",
    f"$JS.API.CONSUMER.DURABLE.CREATE.{STREAM}.globex",
    f"$JS.ACK.{STREAM}.globex.1.1.1.1.1",
    f"{API}.STREAM.DELETE.{STREAM}",
    f"{API}.STREAM.INFO.{STREAM}",
    f"{API}.DIRECT.GET.{STREAM}",
    f"{API}.CONSUMER.INFO.{STREAM}.globex",
    f"{API}.CONSUMER.MSG.NEXT.{STREAM}.globex",
    f"{API}.CONSUMER.MSG.NEXT.{STREAM}.globex+crm",
    f"{API}.CONSUMER.CREATE.{STREAM}.acme.evt.*.acme.>",
    f"{API}.CONSUMER.DELETE.{STREAM}.acme",
]


TURNED_AWAY = (nats.errors.Error, OSError)
"""What a client hears of a refusal: the server's own word, or that it has hung up."""


@pytest.mark.parametrize("subject", FORBIDDEN)
async def test_what_it_may_not_say(acme: Station, subject: str) -> None:
    """NATS refuses each of these to the partner's credentials, and says so."""
    await acme.client.publish(subject, b"{}", reply=acme.client.new_inbox())
    await acme.refused(f'publish to "{subject}"')


@pytest.mark.parametrize(
    "subject",
    [">", "evt.>", "evt.*.globex.>", "svc.>", "svc.user.acme.list", "$SRV.>", "$JS.>", "_R_.>"],
)
async def test_what_it_may_not_hear(acme: Station, subject: str) -> None:
    """NATS refuses each of these too: not even its own requests can be taken from the workers."""
    await acme.client.subscribe(subject)
    await acme.refused(f'subscription to "{subject}"')


async def test_an_account_is_a_bound_of_its_own(site: Site, globex: Station) -> None:
    """Without any permission in its way a user of acme's account still reaches nobody else."""
    user = await site.almighty("acme")
    for subject in ("svc.user.globex.list", "$SRV.PING", f"{API}.CONSUMER.INFO.{STREAM}.globex"):
        with pytest.raises(NoRespondersError):
            await user.client.request(subject, b"", timeout=2)
    everything, service = await user.hearing(">"), Station(site.deployment.nats, "")
    reached = await service.hearing(">")
    before, mark = await site.sequence(), uuid4().hex
    for subject in FORBIDDEN:
        if subject != "svc.user.acme.list.more":
            await user.client.publish(
                subject, json.dumps({"mark": mark, "subject": subject}).encode()
            )
    # What comes of this came after all that, had it come.
    await user.client.publish("svc.user.acme.list", b"last of " + mark.encode())
    await eventually(lambda: marked(reached, b"last of " + mark.encode()), within=5)
    assert [message.subject for message in reached if mark.encode() in message.data] == [
        "svc.user.acme.list"
    ]
    assert await site.sequence() == before

    heard = len(everything)
    entity = await told(site, globex, "globex")
    await user.client.flush()
    assert not [message for message in everything[heard:] if entity.encode() in message.data]


async def marked(messages: list[Msg], mark: bytes) -> bool:
    return any(mark in message.data for message in messages)


@pytest.mark.parametrize(
    "reply",
    [
        "evt.business.globex.x.created",
        "svc.user.globex.list",
        f"$JS.API.STREAM.PURGE.{STREAM}",
        "_INBOX.of.somebody",
    ],
)
async def test_a_reply_cannot_be_turned_against_others(
    site: Site, acme: Station, globex: Station, reply: str
) -> None:
    """Answers, also those of JetStream, come back into the partner's account or nowhere."""
    await told(site, acme, "acme")
    heard = await Station(site.deployment.nats, "").hearing(reply)
    theirs = await globex.hearing("_INBOX.>")
    before, counted = await site.sequence(), len(theirs)
    for subject in (
        "svc.user.acme.list",
        f"{API}.CONSUMER.MSG.NEXT.{STREAM}.acme",
        f"{API}.CONSUMER.INFO.{STREAM}.acme",
        f"$JS.ACK.{STREAM}.acme.1.1.1.1.1",
    ):
        await acme.client.publish(subject, b"", reply=reply)
    await acme.ask("svc.user.acme.list", {})
    await site.deployment.nats.flush()
    await globex.client.flush()
    assert heard == []
    assert await site.sequence() == before
    assert len(theirs) == counted


async def test_an_inbox_is_nobody_elses(site: Site, acme: Station, globex: Station) -> None:
    """Whoever listens on every inbox hears of its own account's only; workers' are hidden too."""
    heard = await globex.hearing("_INBOX.>")
    await told(site, acme, "acme")
    own = len(heard)
    await globex.ask("svc.user.globex.list", {})
    await eventually(lambda: more_than(heard, own), within=5)
    assert not [message for message in heard if b"entityId" in message.data]
    assert len(heard) == own + 1


async def more_than(messages: list[Msg], count: int) -> bool:
    return len(messages) > count


async def test_a_partner_is_added_while_all_runs(site: Site, acme: Station) -> None:
    """A further run adds it, a reload lets it in, and those that were there go on as they were."""
    kept = {path: path.read_bytes() for path in site.folder.rglob("*.creds")}
    seeds = {path: path.read_bytes() for path in site.folder.rglob("*.nk")}
    printed = configured(site.folder, "--partner", "initech")
    assert all(path.read_bytes() == text for path, text in (kept | seeds).items())
    with pytest.raises(TURNED_AWAY):
        await site.station("initech")
    site.server._child.send_signal(SIGHUP)

    async def let_in() -> Station | None:
        try:
            return await site.station("initech")
        except TURNED_AWAY:
            return None

    initech = await eventually(let_in, within=10)
    assert initech is not None
    for station, name in ((initech, "initech"), (acme, "acme")):

        async def listed() -> Any:
            try:
                return await station.ask(f"svc.user.{name}.list", {})  # noqa: B023
            except nats.errors.Error:
                return None  # what passes between accounts is laid anew in a reload

        assert (await eventually(listed, within=10))["users"] == []
    assert acme.client.stats["reconnects"] == 0
    assert initech.token not in printed


async def test_a_leaf_node_reaches_what_its_credentials_do(
    site: Site, acme: Station, private_servers: PrivateServers
) -> None:
    """A nats-server of the partner's own, joined by its credentials, is the partner and no more."""
    creds = json.dumps(str(site.folder / "partners" / "acme.creds"))
    remote = f'{{ url: "nats-leaf://{LOOPBACK}:{site.leaf_port}", credentials: {creds} }}'
    leaf = await private_servers.nats(config=f"leafnodes {{ remotes: [ {remote} ] }}\n")
    async with await nats.connect(leaf.url) as client:
        headers = {"Authorization": f"Bearer {acme.token}"}

        async def answered() -> bytes | None:
            try:
                reply = await client.request("svc.user.acme.list", b"", headers=headers, timeout=1)
            except nats.errors.Error:
                return None  # the leaf node has yet to join
            return reply.data

        reply = await eventually(answered, within=10)
        assert reply is not None
        assert json.loads(reply)["users"] == []
        for subject in ("svc.user.globex.list", f"{API}.CONSUMER.INFO.{STREAM}.globex"):
            with pytest.raises(nats.errors.Error):
                await client.request(subject, b"", timeout=0.5)
