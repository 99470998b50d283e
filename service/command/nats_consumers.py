"""`svc-user nats-consumers`: the durable consumers by which partners read their events."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from service.command.failure import Failure, NoAnswer
from service.command.nats_config import DEFAULT_NATS_FOLDER, NatsDir
from service.command.nats_folder import consumers_in
from service.command.options import DataDir
from service.command.place import DEFAULT_FOLDER, settings_on
from service.command.reach import nats_client
from service.resources import STREAM
from service.settings import Settings

_LOOK_EVERY = 0.5

Wait = Annotated[
    float,
    typer.Option("--wait", metavar="S", min=0, help="Seconds to wait for the event stream."),
]


def nats_consumers(
    nats_dir: NatsDir = DEFAULT_NATS_FOLDER, wait: Wait = 0, data_dir: DataDir = DEFAULT_FOLDER
) -> None:
    """Make the partners' durable consumers that are not there yet.

    They are those that `svc-user nats-config` has noted in DIR; each begins with the oldest of its
    partner's events. One that is there stays as it is, and so does the place that it has come to.
    """
    wanted = consumers_in(nats_dir)
    if not wanted:
        raise Failure(
            f"{nats_dir} names no partner: begin with `svc-user nats-config --partner P`."
        )
    asyncio.run(_make(settings_on(data_dir, "nats_url"), wanted, wait))


async def _make(settings: Settings, wanted: Mapping[str, Sequence[str]], patience: float) -> None:
    async with nats_client(settings) as client:
        jetstream = client.jetstream()
        await _until_there(jetstream, patience)
        for partner, consumers in wanted.items():
            for consumer in consumers:
                made = await _made(jetstream, partner, consumer)
                typer.echo(f"{consumer}: {'made' if made else 'was there, left as it is'}")


async def _until_there(jetstream: JetStreamContext, patience: float) -> None:
    """Return once the event stream is there.

    Raises: Failure, when that is not so after `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            await jetstream.stream_info(STREAM)
        except NotFoundError:
            failure = Failure(f"There is no {STREAM}: start a worker first, which makes it.")
        except NatsError as error:
            failure = NoAnswer(f"JetStream cannot be used: {error}.")
        else:
            return
        if time.monotonic() > deadline:
            raise failure
        await asyncio.sleep(_LOOK_EVERY)


async def _made(jetstream: JetStreamContext, partner: str, consumer: str) -> bool:
    """Make one consumer, unless it is there.

    Raises: Failure.
    """
    try:
        await jetstream.consumer_info(STREAM, consumer)
    except NotFoundError:
        config = consumer_config(partner, consumer)
    except NatsError as error:
        raise NoAnswer(f"The consumer {consumer} cannot be looked at: {error}.") from error
    else:
        return False
    try:
        await jetstream.add_consumer(STREAM, config)
    except NatsError as error:
        raise Failure(f"The consumer {consumer} cannot be made: {error}.") from error
    return True


def consumer_config(partner: str, consumer: str) -> ConsumerConfig:
    """A pull consumer of all events of a partner: one at a time, so that their order holds."""
    return ConsumerConfig(
        durable_name=consumer,
        description=f"Events of {partner}",
        filter_subject=f"evt.*.{partner}.>",
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        max_ack_pending=1,
    )
