"""The one place where things are connected. It owns every lifetime, and the order of the end."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from service.auth.hashing import Hashing
from service.auth.issuer import ISSUER, Issuer
from service.auth.keys import TrustedIssuer
from service.auth.rings import KeyFolder
from service.auth.tokens import Verifier
from service.bus.connection import Connection
from service.bus.discovery import Discovery
from service.bus.dispatch import Dispatcher, max_body
from service.bus.rates import Rates
from service.bus.relay import Relay
from service.bus.server import Server
from service.bus.stream import EventStream
from service.call import NOBODY, Call, to_the_millisecond
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
from service.preference.catalogue import Catalogue
from service.privacy import ERASURES
from service.privacy import operations as privacy_operations
from service.privacy.erasing import Erasing
from service.problems import Unavailable
from service.profiles import PROFILES
from service.profiles import operations as profile_operations
from service.resources import (
    STREAM,
    connect,
    ensure_stream,
    load_catalogue,
    load_keys,
    make_stream,
    open_mongo,
    trusted_issuers,
)
from service.revocations import Revocations
from service.settings import Settings
from service.signup import operations as signup_operations
from service.storage.access import ACCESS_LOG, ACCESS_LOG_INDEXES
from service.storage.batches import EVENT_LOG
from service.storage.event_log import EVENT_LOG_INDEXES
from service.storage.kind import Index, Kind
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
_LEADERLESS = 1.0
"""Seconds that JetStream is given to answer, when its servers may be choosing a leader."""
_FAREWELL = 1.0
_LAST_SPANS = 3.0


def utc_now() -> datetime:
    """The clock of a worker, to the millisecond."""
    return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1_000, UTC)


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
            return Call(
                operation="privacy.erase",
                partner="",
                caller=NOBODY,
                request_id="",
                now=to_the_millisecond(clock()),
                storage=storage,
                authority=self.authority,
                catalogue=catalogue,
                max_reply=max_body(self.connection.max_payload),
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
        """Reconnect when a task of the connection has ended and nothing else noticed.

        Raises: ConnectionClosedError, when it was closed and nobody had asked for that.
        """
        while True:
            await asyncio.sleep(_HEARING_CHECK)
            if self.connection.is_closed:
                raise ConnectionClosedError
            if self.connection.is_deaf:
                log.error("nats_task_ended")
                await self.connection.force_reconnect()

    def _keep_running(self, coroutine: Any, name: str) -> None:
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._background.append(task)
