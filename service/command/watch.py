"""`svc-user watch`: events as they come, each once and none left out, also over a reconnect."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any

import orjson
import typer
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError, ServiceUnavailableError
from rich.console import Console
from rich.text import Text

from schemas.base import CANONICAL_UUID
from schemas.heeding import heeding
from service.catalogue.documents import event_types
from service.command.asking import did_you_mean
from service.command.failure import Failure, NoAnswer
from service.command.options import DataDir, OnePartner
from service.command.place import DEFAULT_FOLDER, settings_on
from service.command.reach import nats_client, shown
from service.command.running import run_until_told
from service.resources import STREAM
from service.settings import Settings

_HEARTBEAT = 1.0
_ANSWERED_WITHIN = 2.0
_PAUSE = 0.25
_QUIET = 1.0
"""Seconds without an event after which it is looked whether the stream is the same still."""
_TYPE_WIDTH = 22
_UUID = re.compile(CANONICAL_UUID)
_TYPE = re.compile(r"([a-z_]+|\*)(?:\.([a-z_]+|\*))?", re.ASCII)

Filter = Annotated[
    str,
    typer.Argument(
        metavar="FILTER",
        help="`user.created`, `user.*`, or the id of the one aggregate whose events are wanted.",
        show_default=False,
    ),
]
FromStart = Annotated[
    bool, typer.Option("--from-start", help="Begin with the oldest event that the stream has.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print each event as it is, on one line.")]


def watch(
    filter: Filter = "*",  # noqa: A002  # the name that the help shows
    partner: OnePartner = None,
    from_start: FromStart = False,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_FOLDER,
) -> None:
    """Print events as they come.

    Of each: time, type, partner, aggregate, version, and the names of what changed. An event that
    happens while NATS is away comes when it is back. Ctrl-C ends it.
    """
    subject = subject_for(filter, partner)
    settings = settings_on(data_dir, "nats_url")
    run_until_told(_watch(settings, subject, from_start, as_json))


def subject_for(filter: str, partner: str | None) -> str:  # noqa: A002  # as above
    """The subject under which the stream has the events that a filter means.

    Raises: typer.BadParameter.
    """
    of = partner or "*"
    if _UUID.fullmatch(filter):
        return f"evt.*.{of}.{filter}.*"
    found = _TYPE.fullmatch(filter)
    if found is None:
        raise typer.BadParameter(
            "user.created, user.* or the id of an aggregate is wanted", param_hint="FILTER"
        )
    service, event = found.groups(default="*")
    known = [each.type for each in event_types()]
    if not any(fnmatchcase(each, f"{service}.{event}") for each in known):
        told = f"there is no event {filter}. {did_you_mean(filter, known)}".rstrip()
        raise typer.BadParameter(told, param_hint="FILTER")
    return f"evt.{service}.{of}.*.{event}"


async def _watch(settings: Settings, subject: str, from_start: bool, as_json: bool) -> None:
    async with nats_client(settings) as client:
        last = await last_sequence(client.jetstream())
    follower = Follower(subject, after=0 if from_start else last)
    async with nats_client(
        settings,
        max_reconnect_attempts=-1,
        disconnected_cb=follower.tell_lost,
        reconnected_cb=follower.begin_anew,
    ) as client:
        typer.echo(f"Watching {subject} at {shown(settings.nats_url)}", err=True)
        show = _show_json if as_json else _show_line
        async for message in follower.messages(client):
            show(message)


async def last_sequence(jetstream: JetStreamContext) -> int:
    """The sequence number of the last event in the stream.

    Raises: NoAnswer; Failure.
    """
    try:
        return (await jetstream.stream_info(STREAM)).state.last_seq
    except NotFoundError:
        raise Failure(
            f"There is no stream {STREAM} yet: a worker makes it when it starts."
        ) from None
    except (NatsTimeoutError, NoRespondersError, ServiceUnavailableError):
        raise NoAnswer(
            "JetStream does not answer: it is off, has no leader yet, or is not for these "
            "credentials. SVC_USER_NATS_CREDS is to name a worker's, not a partner's; "
            "`svc-user doctor` tells more."
        ) from None
    except NatsError as error:
        raise Failure(f"JetStream cannot be used: {error}.") from error


class Follower:
    """Follows the event stream on one subject, each message once and none left out.

    nats-py's ordered consumer makes good what is lost on the way. But one that begins anew before
    its first message begins at the stream's first; and it takes a while to notice a reconnect. So
    each reconnect begins anew from here, and so does each consumer that nats-py makes anew: the
    stream may be another by then, whose places mean nothing in the one before. What was seen is not
    seen again.
    """

    def __init__(self, subject: str, after: int) -> None:
        self._subject = subject
        self._last = after
        self._made: datetime | None = None
        """When the stream was made."""
        self._client: Client | None = None
        self._subscription: JetStreamContext.PushSubscription | None = None

    async def messages(self, client: Client) -> AsyncIterator[Msg]:
        """The messages from there on, for ever."""
        self._client = client
        jetstream = client.jetstream(timeout=_ANSWERED_WITHIN)
        while True:
            with suppress(NatsError):
                self._subscription = await self._subscribed(jetstream)
                consumer = (await self._subscription.consumer_info()).name
                while message := await self._next(jetstream):
                    if message.metadata.consumer != consumer:
                        break
                    sequence = message.metadata.sequence.stream
                    if sequence > self._last:
                        self._last = sequence
                        yield message
            with suppress(NatsError):
                await self.begin_anew()
            await asyncio.sleep(_PAUSE)  # after a reconnect JetStream may not be there yet

    async def tell_lost(self) -> None:
        """Say that the connection is lost, unless it was closed from here."""
        if self._client is not None and not self._client.is_closed:
            typer.echo("NATS is away; what happens meanwhile comes when it is back.", err=True)

    async def begin_anew(self) -> None:
        """End the present subscription; the next one begins after the last message seen."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await subscription.unsubscribe()

    async def _next(self, jetstream: JetStreamContext) -> Msg | None:
        """The next message; None when the subscription has ended, or its stream has."""
        while (subscription := self._subscription) is not None:
            try:
                with heeding():
                    return await subscription.next_msg(_QUIET)
            except NatsTimeoutError:
                if await self._is_made_anew(jetstream):
                    return None
        return None

    async def _is_made_anew(self, jetstream: JetStreamContext) -> bool:
        """Whether the stream is another than before; if so, all of it is new."""
        made = (await jetstream.stream_info(STREAM)).created
        another = self._made not in {None, made}
        self._made = made
        if another:
            self._last = 0
        return another

    async def _subscribed(self, jetstream: JetStreamContext) -> JetStreamContext.PushSubscription:
        await self._is_made_anew(jetstream)
        return await jetstream.subscribe(
            self._subject,
            stream=STREAM,
            ordered_consumer=True,
            idle_heartbeat=_HEARTBEAT,
            config=ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=self._last + 1
            ),
        )


def _show_json(message: Msg) -> None:
    typer.echo(message.data)


def _show_line(message: Msg) -> None:
    Console(highlight=False, soft_wrap=True).print(event_line(message))


def event_line(message: Msg) -> Text:
    """An event on one line: when, what, whose, of which aggregate, and what of it changed."""
    try:
        event: dict[str, Any] = orjson.loads(message.data)
        return Text.assemble(
            (event["time"], "dim"),
            (f"  {event['type']:<{_TYPE_WIDTH}}", "bold cyan"),
            f"  {event['partnerid']}  {event['subject']}",
            (f"  v{event['aggregateversion']}", "green"),
            f"  {', '.join(event['data']['changed'])}",
        )
    except (KeyError, TypeError, ValueError):
        return Text(f"{message.subject}  not an event of svc-user", style="red")
