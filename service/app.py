"""The one place where things are connected. It owns every lifetime, and the order of the end."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from service.auth.hashing import Hashing
from service.auth.issuer import ISSUER, Issuer, SigningKeys
from service.auth.keys import TrustedIssuer
from service.auth.rings import KeyFolder
from service.auth.tokens import Verifier
from service.bus.connection import Connection
from service.bus.discovery import Discovery
from service.bus.dispatch import Dispatcher
from service.bus.rates import Rates
from service.bus.relay import Relay
from service.bus.server import Server
from service.bus.stream import EventStream
from service.call import NOBODY, Call
from service.identity import PERSONS
from service.identity import operations as identity_operations
from service.ids import random_id
from service.membership import (
    ACCOUNTS,
    MEMBERSHIPS,
    account_operations,
    membership_operations,
)
from service.monitor.backlog import Backlog
from service.monitor.health import Health
from service.monitor.metrics import WorkerCollector
from service.monitor.monitor import Monitor
from service.monitor.traces import Traces, traces_of_environment
from service.operation import Operation
from service.organisation import (
    ENTITIES,
    administrator_operations,
    business_operations,
    entity_operations,
)
from service.partners import PARTNERS
from service.preference import PREFERENCES
from service.preference import operations as preference_operations
from service.preference.catalogue import BUILT_IN, Catalogue, WrongCatalogue, read_catalogue
from service.privacy import ERASURES
from service.privacy import operations as privacy_operations
from service.privacy.erasing import Erasing
from service.problems import Unavailable
from service.profiles import PROFILES
from service.profiles import operations as profile_operations
from service.revocations import Revocations
from service.settings import Settings, WrongSetting
from service.signup import operations as signup_operations
from service.storage.access import ACCESS_LOG, ACCESS_LOG_INDEXES
from service.storage.batches import EVENT_LOG
from service.storage.errors import WrongUri
from service.storage.event_log import EVENT_LOG_INDEXES
from service.storage.kind import Index, Kind
from service.storage.mongo import Mongo
from service.storage.outbox import Pending
from service.storage.sealing import Sealer
from service.storage.settling import Settler
from service.storage.storage import Storage
from service.storage.sweep import Sweep, again_and_again
from service.tokens import SESSIONS
from service.tokens import operations as token_operations
from service.tokens.attempts import ATTEMPT_INDEXES, ATTEMPTS, Attempts
from service.tokens.authority import Authority
from service.tokens.clients import CLIENT_INDEXES, CLIENTS, Clients
from service.users import USERS
from service.users import operations as user_operations
from service.verification import VERIFICATIONS
from service.verification import operations as verification_operations

log = structlog.get_logger()

STREAM = "SVC_USER_EVENTS"
KINDS: tuple[Kind, ...] = (
    *(USERS, ENTITIES, PARTNERS, PROFILES, SESSIONS),
    *(ACCOUNTS, MEMBERSHIPS),
    *(PERSONS, VERIFICATIONS),
    PREFERENCES,
    ERASURES,
)
OPERATIONS: tuple[Operation, ...] = (
    *user_operations,
    *signup_operations,
    *token_operations,
    *profile_operations,
    *administrator_operations,
    *business_operations,
    *entity_operations,
    *account_operations,
    *membership_operations,
    *identity_operations,
    *verification_operations,
    *preference_operations,
    *privacy_operations,
)
INDEXES: tuple[tuple[str, Sequence[Index]], ...] = (
    *((kind.collection, kind.all_indexes) for kind in KINDS),
    (EVENT_LOG, EVENT_LOG_INDEXES),
    (ACCESS_LOG, ACCESS_LOG_INDEXES),
    (CLIENTS, CLIENT_INDEXES),
    (ATTEMPTS, ATTEMPT_INDEXES),
)

_HEARING_CHECK = 1.0
_RECONNECT_PAUSE = 0.25
_LEADERLESS = 1.0
"""Seconds that JetStream is given to answer, when its servers may be choosing a leader."""
_FAREWELL = 1.0
_LAST_SPANS = 3.0


def utc_now() -> datetime:
    """The clock of a worker."""
    return datetime.now(UTC)


class Worker:
    """A worker: `start`, then `stop`; `broken` tells of one that has to be started anew."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], datetime] = utc_now,
        traces: Traces | None = None,
    ) -> None:
        """Connect the parts; nothing is reached before `start`.

        `traces` is where spans go, else it is as the environment says.
        Raises: WrongSetting.
        """
        self.id = random_id()
        self._traces = traces or traces_of_environment(self.id)
        tracer = self._traces.tracer if self._traces is not None else None
        self._settings = settings
        self._keys = load_keys(settings)
        self.mongo = open_mongo(settings)
        self.connection = Connection()
        self._jetstream: JetStreamContext = self.connection.jetstream()
        settler = Settler(self.mongo)
        self.relay = Relay(self.connection, self._jetstream, STREAM, settler, tracer)
        self._sealer = Sealer(self._keys.data, self._look_for_keys)
        storage = Storage(self.mongo, KINDS, self.relay, self._sealer)
        self._revocations = Revocations(self.mongo, clock)
        self.authority = self._new_authority()
        catalogue = load_catalogue(settings)
        self._erasing = self._new_erasing(storage, catalogue, clock)
        dispatcher = Dispatcher(
            storage,
            self.authority,
            Rates(settings.partner_rate, {"exists": settings.exists_rate}),
            clock,
            lambda: self.connection.max_payload,
            catalogue,
            self._erasing.carry_out,
        )
        self.server = Server(
            self.connection, dispatcher, OPERATIONS, settings.bound, settings.log_queries, tracer
        )
        self._discovery = Discovery(self.connection, self.server, self.id)
        self._sweep = Sweep(
            self.mongo,
            KINDS,
            self._deliver,
            clock,
            settings.sweep_seconds,
            settings.sweep_age_seconds,
        )
        self._background: list[asyncio.Task[None]] = []
        self.monitor = self._new_monitor(clock)

    def show(self) -> None:
        """Let the worker be seen: from now on its HTTP port answers, where it has one.

        Raises: WrongSetting, where the port cannot be had.
        """
        self.monitor.open()
        if not self._background:
            self._keep_running(self.monitor.health.beat(), "beat")

    async def start(self) -> None:
        """Connect, make indexes and the stream what they should be, then take requests.

        Raises: WrongSetting; Unavailable, NatsError: what is needed cannot be had.
        """
        self.show()
        for collection, indexes in INDEXES:
            await self.mongo.ensure_indexes(collection, indexes)
        await connect(self.connection, self._settings)
        await ensure_stream(self._jetstream, self._settings)
        self._background.append(await self.relay.start())
        self._keep_running(self._sweep.run(), "sweep")
        erasures = again_and_again(self._erasing.once, self._settings.sweep_seconds)
        self._keep_running(erasures, "erasures")
        self._keep_running(self._revocations.watch(self.authority.verifier.forget), "revocations")
        self._keep_running(self._keys.watch(self._use_keys), "keys")
        self._keep_running(self._keep_hearing(), "hearing")
        self._keep_running(self.monitor.health.look(), "health")
        self._keep_running(self.monitor.backlog.watch(), "backlog")
        await self._discovery.start()
        await self.server.start()
        log.info("ready", worker=self.id, operations=len(OPERATIONS))

    async def broken(self) -> str:
        """Wait until a part of the worker that must go on has ended; give its name.

        A worker without one of them would look well and not be: it is to be started anew.
        """
        ended, _ = await asyncio.wait(self._background, return_when=asyncio.FIRST_COMPLETED)
        task = ended.pop()
        error = task.exception()
        log.critical("part_ended", part=task.get_name(), error=type(error).__name__)
        return task.get_name()

    async def stop(self) -> None:
        """Take no more requests, answer those that came, publish what is pending, then close."""
        log.info("stopping", in_flight=self.server.in_flight)
        self.monitor.health.draining = True
        with contextlib.suppress(Exception):  # without NATS there is nobody to answer
            await self.server.drain(self._settings.drain_seconds)
        await self._erasing.stop(self._settings.drain_seconds / 4)
        await self.relay.stop(self._settings.drain_seconds / 4)
        for task in self._background:
            task.cancel()
        for last_step in (self.connection.flush, self.connection.close):
            # A NATS server that has stopped answering is not waited for.
            with contextlib.suppress(Exception):
                await asyncio.wait_for(last_step(), _FAREWELL)
        await self.mongo.close()
        self.authority.hashing.close()
        if self._traces is not None:
            await self._traces.close(_LAST_SPANS)
        self.monitor.close()
        log.info("stopped", worker=self.id)

    def _new_erasing(
        self, storage: Storage, catalogue: Catalogue, clock: Callable[[], datetime]
    ) -> Erasing:
        def new_call() -> Call:
            """A call for what is done without a request."""
            now = clock()
            return Call(
                operation="privacy.erase",
                partner="",
                caller=NOBODY,
                request_id="",
                now=now.replace(microsecond=now.microsecond // 1_000 * 1_000),
                storage=storage,
                authority=self.authority,
                catalogue=catalogue,
                max_reply=0,
            )

        stream, age = EventStream(self._jetstream, STREAM), self._settings.sweep_age_seconds
        return Erasing(self.mongo, storage, stream, self._deliver, new_call, age)

    def _new_authority(self) -> Authority:
        settings, ring = self._settings, self._keys.signing
        verifier = Verifier(
            trusted_issuers(settings, ring),
            self._revocations,
            settings.account_keys,
            settings.nats_jwt_without_expiry,
            self._look_for_keys,
        )
        return Authority(
            clients=Clients(self.mongo),
            attempts=Attempts(self.mongo, self._sealer),
            hashing=Hashing(),
            verifier=verifier,
            issuer=Issuer(ring) if ring is not None else None,
            token_seconds=settings.token_seconds,
            refresh_seconds=settings.refresh_seconds,
        )

    def _new_monitor(self, clock: Callable[[], datetime]) -> Monitor:
        health = Health(
            self.connection,
            self.server,
            self.mongo,
            lambda: self._jetstream.stream_info(STREAM),
            self._background,
        )
        backlog = Backlog(self.mongo, KINDS, clock)
        collector = WorkerCollector(
            self.server, self.relay, self._sweep, backlog, self.connection, self.mongo, health
        )
        return Monitor(self._settings, health, backlog, collector)

    def _look_for_keys(self) -> None:
        if self._keys.look():
            self._use_keys(self._keys)

    def _use_keys(self, keys: KeyFolder) -> None:
        """Go on with the rings as they are now."""
        self._sealer.use(keys.data)
        if keys.signing is None:
            self.authority.issuer = None
            self.authority.verifier.distrust(ISSUER)
        else:
            self.authority.issuer = Issuer(keys.signing)
            self.authority.verifier.trust(TrustedIssuer.own(keys.signing))

    async def _deliver(self, pending: Iterable[Pending]) -> None:
        """Deliver what a sweep has found; a stream that is gone is made anew for it.

        Raises: Unavailable, when there is none, or none that has a leader yet: the next sweep may
        find one, and it should not be long in coming.
        """
        if self.relay.streamless:
            try:
                await make_stream(self.connection.jetstream(timeout=_LEADERLESS), self._settings)
            except NatsError as error:
                raise Unavailable from error
        await self.relay.deliver(pending)

    async def _keep_hearing(self) -> None:
        """Reconnect when a task of the connection has ended and nothing else noticed."""
        while True:
            await asyncio.sleep(_HEARING_CHECK)
            if self.connection.is_deaf:
                log.error("nats_task_ended")
                await self.connection.force_reconnect()

    def _keep_running(self, coroutine: Any, name: str) -> None:
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._background.append(task)


def open_mongo(settings: Settings) -> Mongo:
    """The database of the settings; nothing is reached yet.

    Raises: WrongSetting.
    """
    try:
        return Mongo(settings.mongo_uri, settings.mongo_database, settings.mongo_driver)
    except WrongUri as error:
        raise WrongSetting(f"SVC_USER_MONGO_URI is wrong: {error}.") from error


def load_keys(settings: Settings) -> KeyFolder:
    """The folder with the key rings that the settings name; the signing ring may be absent.

    Raises: WrongSetting.
    """
    if settings.keys_dir is None:
        raise WrongSetting("SVC_USER_KEYS_DIR is not set: name the folder with the key rings.")
    try:
        return KeyFolder(settings.keys_dir)
    except (OSError, ValueError) as error:
        raise WrongSetting(f"SVC_USER_KEYS_DIR is wrong: {error}.") from error


def load_catalogue(settings: Settings) -> Catalogue:
    """The catalogue of notification preferences that the settings name, else the built-in one.

    Raises: WrongSetting.
    """
    try:
        return read_catalogue(settings.preference_catalogue or BUILT_IN)
    except WrongCatalogue as error:
        raise WrongSetting(f"SVC_USER_PREFERENCE_CATALOGUE is wrong: {error}.") from None


def trusted_issuers(settings: Settings, ring: SigningKeys | None) -> list[TrustedIssuer]:
    """svc-user's own issuer, where it has keys, and those of the settings.

    Raises: WrongSetting.
    """
    issuers = [TrustedIssuer.own(ring)] if ring is not None else []
    for each in settings.issuers:
        jwks: Path | dict[str, Any] = each.jwks_file or each.jwks or {}
        try:
            issuers.append(TrustedIssuer.external(each.issuer, each.audience, jwks))
        except (OSError, ValueError) as error:
            raise WrongSetting(f"SVC_USER_ISSUERS is wrong: {error}.") from error
    return issuers


async def connect(connection: Client, settings: Settings, **options: Any) -> None:
    """Connect to NATS, and keep connecting for as long as the connection lives.

    `options` are nats-py's own, in the place of what a worker has.
    Raises: nats.errors.Error, OSError, ValueError: something is wrong with the settings.
    """
    usual: dict[str, Any] = {
        "servers": settings.nats_servers,
        "name": "svc-user",
        "user": settings.nats_user,
        "password": settings.nats_password,
        "user_credentials": str(settings.nats_creds) if settings.nats_creds else None,
        "tls": _tls(settings),
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": _RECONNECT_PAUSE,
        "ping_interval": 10,
        "max_outstanding_pings": 2,
        "error_cb": _on_error,
        "disconnected_cb": _on_disconnect(connection),
        "reconnected_cb": _on_reconnect,
    }
    await connection.connect(**usual | options)


async def ensure_stream(jetstream: JetStreamContext, settings: Settings) -> None:
    """Create the event stream, or bring it in line with the settings.

    Raises: nats.errors.Error.
    """
    if not await make_stream(jetstream, settings):
        await jetstream.update_stream(stream_config(settings))


async def make_stream(jetstream: JetStreamContext, settings: Settings) -> bool:
    """Create the event stream if there is none, and tell whether there was none.

    Raises: nats.errors.Error.
    """
    try:
        await jetstream.stream_info(STREAM)
    except NotFoundError:
        await jetstream.add_stream(stream_config(settings))
        return True
    return False


def stream_config(settings: Settings) -> StreamConfig:
    """What the event stream should be."""
    return StreamConfig(
        name=STREAM,
        description="Domain events of svc-user",
        subjects=["evt.>"],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        num_replicas=settings.stream_replicas,
        max_age=settings.stream_max_age_days * 86_400,
        max_bytes=settings.stream_max_bytes,
        allow_direct=True,
    )


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.nats_ca is None and settings.nats_cert is None:
        return None
    context = ssl.create_default_context(cafile=settings.nats_ca)
    if settings.nats_cert is not None:
        context.load_cert_chain(settings.nats_cert, settings.nats_key)
    return context


async def _on_error(error: Exception) -> None:
    log.warning("nats_error", error=type(error).__name__)


def _on_disconnect(connection: Client) -> Callable[[], Awaitable[None]]:
    async def tell() -> None:
        if not connection.is_closed:  # nobody asked for it
            log.warning("nats_disconnected")

    return tell


async def _on_reconnect() -> None:
    log.info("nats_reconnected")
