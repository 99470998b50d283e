"""Events as they come: by a durable consumer, in order, each once, settled after it was handled.

The consumer has one event out at a time. So the order of the stream holds whatever happens to who
handles it, and several processes may share a consumer: another goes on where one has died.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections import OrderedDict
from datetime import datetime
from types import TracebackType
from typing import Self
from uuid import uuid4

from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError

from schemas.client.known_events import SHAPES, AnyEvent
from schemas.client.received import UnreadableEvent, read_event
from schemas.client.wanted import ReaderTaken, Wanted
from schemas.heeding import heeding

log = logging.getLogger(__name__)

STREAM = "SVC_USER_EVENTS"

_REMEMBERED = 65_536
"""Ids of handled events that are known again."""
_LOOK_BACK = 1_000
"""Places of the stream before the present one that are looked at for such ids at the start."""
_PULL_SECONDS = 2.0
_PAUSE = 0.25
_MOMENT = 0.05
_BATCH = 250


class Events:
    """The events of a durable consumer: `async with` opens it, `async for` goes through it.

    An event counts as handled when the next one is asked for, or the `async with` is left without
    an exception. One that was not handled comes again: at once, or, where its process died, after
    `takeover` seconds.
    """

    def __init__(self, nats: NatsClient, jetstream: JetStreamContext, wanted: Wanted) -> None:
        self._nats = nats
        self._jetstream = jetstream
        self._wanted = wanted
        self._subscription: JetStreamContext.PullSubscription | None = None
        self._made: datetime | None = None
        """When the stream was made, or the consumer that was given."""
        self._takeover = wanted.takeover
        self._since = wanted.since
        self._handled: OrderedDict[str, None] = OrderedDict()
        self._last = 0
        self._current: tuple[Msg, AnyEvent] | None = None
        self._holding: asyncio.Task[None] | None = None
        self._fetching: asyncio.Task[tuple[float, Msg]] | None = None

    async def __aenter__(self) -> Self:
        """Find the consumer, or make it.

        Raises: ReaderTaken; nats.errors.Error: JetStream, or the stream, cannot be used.
        """
        try:
            with heeding():
                await self._bind()
        except BaseException:
            await self._unbind()
            raise
        self._holding = asyncio.get_running_loop().create_task(self._hold())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Settle the last event, or give it back if it ended in an exception."""
        if self._holding is not None:
            self._holding.cancel()
        try:
            with contextlib.suppress(NatsError):  # else it comes again, as if the process had died
                if kind is None:
                    await self._settle()
                elif self._current is not None:
                    await self._current[0].nak()
                await self._give_back()
                await self._nats.flush()
        finally:
            await self._unbind()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AnyEvent:
        """The next event, however long it takes to come.

        Raises: UnreadableEvent; ReaderTaken; ConnectionClosedError, when the client was closed.
        """
        if self._holding is None:
            raise RuntimeError("open it first: async with client.events(...) as events")
        await self._settle()
        while True:
            message = await self._next()
            sequence = message.metadata.sequence.stream
            if sequence > self._last and self._wanted.has(message.subject):
                event = self._read(message, sequence)
                if event is not None and event.id not in self._handled:
                    self._current = message, event
                    return event
            self._last = max(self._last, sequence)
            await message.ack()

    def _read(self, message: Msg, sequence: int) -> AnyEvent | None:
        try:
            event: AnyEvent = read_event(SHAPES, message.subject, sequence, message.data)
        except UnreadableEvent as error:
            if self._wanted.unreadable is None:
                raise
            self._wanted.unreadable(error)
            return None
        return event

    async def _settle(self) -> None:
        """Take note that the current event is handled."""
        if self._current is None:
            return
        message, event = self._current
        self._current = None
        self._last = event.sequence
        self._remember(event.id)
        await message.ack()

    def _remember(self, id: str) -> None:
        self._handled[id] = None
        if len(self._handled) > _REMEMBERED:
            self._handled.popitem(last=False)

    async def _hold(self) -> None:
        """Tell the server, while an event is being handled, that it is in good hands."""
        while True:
            await asyncio.sleep(self._takeover / 3)
            if self._current is not None:
                with contextlib.suppress(NatsError):
                    await self._current[0].in_progress()

    async def _next(self) -> Msg:
        """The next message, over whatever happens to NATS and to the consumer."""
        while True:
            try:
                with heeding():
                    subscription = self._subscription or await self._bind()
                return await self._fetched(subscription)
            except TimeoutError:
                continue  # nothing new, or the question was lost
            except NatsError as error:
                if self._nats.is_closed:
                    raise ConnectionClosedError from error
                log.info("events of %s: %s", self._wanted.durable, type(error).__name__)
                await self._unbind()
                await asyncio.sleep(_PAUSE)

    async def _fetched(self, subscription: JetStreamContext.PullSubscription) -> Msg:
        """The message that is fetched next, by whoever asks for it and waits until it is there.

        Raises: TimeoutError; nats.errors.Error.
        """
        if self._fetching is None:
            self._fetching = asyncio.get_running_loop().create_task(_fetch(subscription))
        fetching = self._fetching
        # A task of its own: who is cancelled must not take along what is on its way.
        await asyncio.wait({fetching})
        if self._fetching is not fetching:
            raise RuntimeError("only one at a time can wait for the next event")
        self._fetching = None
        came, message = fetching.result()
        if time.monotonic() - came >= self._takeover:
            raise TimeoutError  # so long nobody asked for it, and another has it by now
        return message

    async def _give_back(self) -> None:
        """Give back what was fetched for somebody who was cancelled, so that it comes again soon.

        Raises: nats.errors.Error.
        """
        fetching, self._fetching = self._fetching, None
        if fetching is None or self._subscription is None:
            return
        try:
            # The server first: what it sends until it knows is still received here.
            await self._nats._send_unsubscribe(self._subscription._sub._id)
            await self._nats.flush()
            await asyncio.wait({fetching}, timeout=_MOMENT)
        finally:
            fetching.cancel()
            [fetched] = await asyncio.gather(fetching, return_exceptions=True)
        if not isinstance(fetched, BaseException):
            _, message = fetched
            await message.nak()

    async def _unbind(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()

    async def _bind(self) -> JetStreamContext.PullSubscription:
        """Find the consumer, as it is or made anew, and listen to it.

        Raises: ReaderTaken; nats.errors.Error.
        """
        if self._wanted.given:
            await self._find()
        else:
            await self._find_or_make()
        self._subscription = await self._jetstream.pull_subscribe_bind(
            consumer=self._wanted.durable, stream=STREAM
        )
        return self._subscription

    async def _find(self) -> None:
        """Find a consumer that is only to be read: where it is, and how long it waits."""
        found = await self._jetstream.consumer_info(STREAM, self._wanted.durable)
        self._takeover = found.config.ack_wait or self._takeover
        if found.created != self._made:
            self._made = found.created
            self._last = found.ack_floor.stream_seq if found.ack_floor is not None else 0

    async def _find_or_make(self) -> None:
        stream = await self._jetstream.stream_info(STREAM)
        if stream.created != self._made:
            if self._made is not None:
                # To who read the one before, all of a stream that was made anew is new.
                self._since = "start"
            # And its places mean nothing in the one before.
            self._made, self._last = stream.created, 0
        try:
            found = await self._jetstream.consumer_info(STREAM, self._wanted.durable)
        except NotFoundError:
            await self._make()
        else:
            await self._resume(found)

    async def _resume(self, found: ConsumerInfo) -> None:
        """Go on where the consumer is; what it was to read may have changed since.

        Raises: ReaderTaken.
        """
        there = found.config
        filters = there.filter_subjects or [each for each in [there.filter_subject] if each]
        if not self._wanted.is_read_by(filters):
            raise ReaderTaken(self._wanted.durable)
        if not self._last and found.ack_floor is not None:
            await self._look_back(found.ack_floor.stream_seq)
        wanted = self._reading()
        if (there.filter_subject, there.ack_wait) != (wanted.filter_subject, wanted.ack_wait):
            changed = there.evolve(filter_subject=wanted.filter_subject, ack_wait=wanted.ack_wait)
            await self._jetstream.add_consumer(STREAM, changed)

    async def _make(self) -> None:
        """Make the consumer: to go on from here, where events were handled before it was lost."""
        config, since = self._reading(), self._since
        if self._last:
            config.deliver_policy = DeliverPolicy.BY_START_SEQUENCE
            config.opt_start_seq = self._last + 1
        elif isinstance(since, datetime):
            config.deliver_policy = DeliverPolicy.BY_START_TIME
            config.opt_start_time = since
        elif since == "now":
            config.deliver_policy = DeliverPolicy.NEW
        made = await self._jetstream.add_consumer(STREAM, config)
        if made.delivered is not None:
            self._last = made.delivered.stream_seq  # before the first event too it has its place

    def _reading(self) -> ConsumerConfig:
        return ConsumerConfig(
            name=self._wanted.durable,
            durable_name=self._wanted.durable,
            filter_subject=self._wanted.subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._wanted.takeover,
            max_ack_pending=1,
        )

    async def _look_back(self, upto: int) -> None:
        """Know again what was handled shortly before the place up to which all was."""
        if not upto:
            return
        config = ConsumerConfig(
            name=f"{self._wanted.durable}-{uuid4().hex[:12]}",
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=max(1, upto - _LOOK_BACK),
            filter_subject=self._wanted.subject,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=30,
            mem_storage=True,
        )
        info = await self._jetstream.add_consumer(STREAM, config)
        left = info.num_pending or 0
        subscription = await self._jetstream.pull_subscribe_bind(consumer=info.name, stream=STREAM)
        with contextlib.suppress(TimeoutError):
            while left > 0:
                with heeding():
                    messages = await subscription.fetch(min(_BATCH, left), timeout=_PULL_SECONDS)
                left -= len(messages)
                for message in messages:
                    if message.metadata.sequence.stream > upto:
                        left = 0
                    else:
                        self._remember(_id_in(message))
        await subscription.unsubscribe()
        await self._jetstream.delete_consumer(STREAM, info.name)
        self._last = upto


async def _fetch(subscription: JetStreamContext.PullSubscription) -> tuple[float, Msg]:
    """The next message, and when it came.

    Raises: TimeoutError; nats.errors.Error.
    """
    [message] = await subscription.fetch(1, timeout=_PULL_SECONDS)
    return time.monotonic(), message


def _id_in(message: Msg) -> str:
    try:
        return str(json.loads(message.data)["id"])
    except (ValueError, KeyError, TypeError):
        return ""
