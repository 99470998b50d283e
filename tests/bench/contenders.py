"""How each side comes into being: started on the shared servers and filled with stored users."""

from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import uuid4

from service.auth.scopes import ALL_SCOPES, Scope
from tests.bench.cases import ACCOUNT, CONSUMER, ENTITY, PAGE, PARTNER, PERSON, USER, Requests
from tests.bench.job import UNIQUE, Job, Operation
from tests.bench.peers.models import CreateUser
from tests.bench.peers.peer import Options
from tests.bench.peers.users import KEPT, Users, fill
from tests.bench.plan import filled
from tests.bench.processes import ChildFailedError, output_of, running
from tests.bench.rig import Rig
from tests.bench.sides import BareSide, BusSide, EchoSide, Side

SVC_USER, FASTSTREAM, MICRO, ECHO, BARE = "svc-user", "faststream", "micro", "echo", "bare"
MOST_ENTITIES = 100
FILL_IN_FLIGHT = 256
PEOPLE = 1_000
"""Of each role at most. Few of a consumer's: it may have a hundred of each."""
ACCOUNTS = 50
FILL_SECONDS = 3600.0

Opener = Callable[[Rig, int], AbstractAsyncContextManager[Side]]


class SvcUser(BusSide):
    """svc-user itself, as many workers of it as are started."""

    def __init__(self, rig: Rig, partner: str = PARTNER) -> None:
        super().__init__(rig, SVC_USER, partner=partner, stream="SVC_USER_EVENTS")
        self._environment = {
            "SVC_USER_NATS_URL": rig.nats,
            "SVC_USER_MONGO_URI": rig.mongo,
            "SVC_USER_KEYS_DIR": str(rig.folder / "keys"),
        }

    async def sign_in(self) -> None:
        """Get a token signed with the worker's keys, which are made if they are missing.

        It reads no numbers in the clear, which would be noted in the access log: no peer does that.
        """
        await output_of("service", "keys", "init", environment=self._environment)
        scopes = " ".join(sorted(ALL_SCOPES - {Scope.READ_SENSITIVE}))
        # fmt: off
        token = await output_of(
            "service", "token", "--partner", self.partner, "--scope", scopes,
            environment=self._environment,
        )
        # fmt: on
        self.headers = {"Authorization": f"Bearer {token.strip()}"}

    def worker(self, number: int = 1) -> AbstractAsyncContextManager[Process]:
        """Run one more worker."""
        log = self.rig.folder / f"{self.name}-{number}.log"
        return running("service", "serve", log=log, environment=self._environment)

    async def fill(self, count: int) -> None:
        """Create users as any client would, with entities the first time; read the newest."""
        if not self.picks:
            entity = self.requests.create_entity()
            made = [await self.rig.ask(entity, {}) for _ in range(_entities(count))]
            self.picks = {ENTITY: [each["entityId"] for each in made], USER: []}
        create = self.requests.create().model_copy(update={"keep": "userId"})
        self.picks[USER] = await self._make(create, count)

    async def fill_people(self, count: int) -> None:
        """Create people of every role, and pick from all of them alike, users too."""
        make, at_business = self.requests.person, {"business_id": ENTITY}
        at_consumer = {"consumer_id": CONSUMER}
        self.picks[CONSUMER] = await self._make(make("consumer", at_business), count)
        self.picks[PERSON] = [
            *self.picks[CONSUMER],
            *await self._make(make("dependent", at_consumer, relationship="CHILD"), count),
            *await self._make(make("authorized_signer", at_consumer), count),
            *await self._make(make("business_contact", at_business), count),
            *self.picks[USER][:count],
        ]

    async def fill_preferences(self) -> None:
        """Let most of those who are asked about have set something; who, is drawn."""
        await self._make(self.requests.opt_out(), len(self.picks[USER]))

    async def fill_accounts(self, count: int) -> None:
        """Open accounts, each of a user who has confirmed its e-mail."""
        self.picks[ACCOUNT] = []
        for user in self.picks[USER][:count]:
            sent = await self.rig.ask(self.requests.send_confirmation(user), {})
            await self.rig.ask(self.requests.confirm(user, sent["confirmation_code"]), {})
            opened = await self.rig.ask(self.requests.account_of(user), {})
            self.picks[ACCOUNT].append(opened["account_id"])

    async def _make(self, create: Operation, count: int) -> list[str]:
        """Carry out so many changes, and give the ids of some of what they made."""
        result = await self.rig.generate(
            Job(
                url=self.rig.nats,
                operations=[create],
                picks=self.picks,
                in_flight=FILL_IN_FLIGHT,
                warm_up=0.0,
                seconds=FILL_SECONDS,
                requests=count,
                keep_every=max(1, count // KEPT),
            )
        )
        if result.failures:
            raise ChildFailedError(f"filling failed: {result.failures} {result.first_failure}")
        return result.kept


@asynccontextmanager
async def svc_user(rig: Rig, stored: int) -> AsyncIterator[SvcUser]:
    """Open svc-user with one worker."""
    side = SvcUser(rig)
    await side.sign_in()
    async with side.worker() as worker:
        side.pid = worker.pid
        await side.fill(stored)
        await side.fill_people(min(stored, PEOPLE))
        await side.fill_preferences()
        await side.fill_accounts(ACCOUNTS)
        await side.verify()
        yield side


def peer(name: str, module: str) -> Opener:
    """Say how to open a peer."""

    @asynccontextmanager
    async def opened(rig: Rig, stored: int) -> AsyncIterator[Side]:
        options = Options(rig.nats, rig.mongo, name)
        arguments = ("--nats", rig.nats, "--mongo", rig.mongo, "--name", name)
        picks = await _stocked(options, stored)
        async with running(module, *arguments, log=rig.folder / f"{name}.log") as process:
            side = BusSide(
                rig, name, f"{name}.", stream=options.stream, picks=picks, pid=process.pid
            )
            await side.verify()
            yield side

    return opened


@asynccontextmanager
async def echo(rig: Rig, stored: int) -> AsyncIterator[BusSide]:
    """Open the echo."""
    arguments = ("--nats", rig.nats, "--name", ECHO)
    picks = {ENTITY: [str(uuid4())], USER: [str(uuid4())]}
    log = rig.folder / "echo.log"
    async with running("tests.bench.peers.echo", *arguments, log=log) as process:
        yield EchoSide(rig, ECHO, prefix=f"{ECHO}.", picks=picks, pid=process.pid)


@asynccontextmanager
async def bare(rig: Rig, stored: int) -> AsyncIterator[Side]:
    """Open the bare loop, which runs only while it is measured."""
    await _stocked(Options(rig.nats, rig.mongo, BARE), stored)
    yield BareSide(rig, BARE)


OPENERS: dict[str, Opener] = {
    SVC_USER: svc_user,
    FASTSTREAM: peer(FASTSTREAM, "tests.bench.peers.faststream_motor"),
    MICRO: peer(MICRO, "tests.bench.peers.micro_motor"),
    ECHO: echo,
    BARE: bare,
}


async def _stocked(options: Options, stored: int) -> dict[str, list[str]]:
    """Fill a peer's store behind its back: a peer's own creates would take their time."""
    entities = [str(uuid4()) for _ in range(_entities(stored))]
    payload = Requests(options.name).create().payload
    samples = [
        CreateUser.model_validate_json(filled(payload, {ENTITY: entity, UNIQUE: "0"}))
        for entity in entities
    ]
    async with Users.open(options, _told_nobody) as users:
        return {ENTITY: entities, USER: await fill(users, PARTNER, samples, stored)}


async def _told_nobody(subject: str, body: bytes, headers: dict[str, str]) -> None:
    pass


def _entities(stored: int) -> int:
    return max(1, min(MOST_ENTITIES, stored // (2 * PAGE)))
