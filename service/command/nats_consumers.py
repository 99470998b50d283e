"""`svc-user nats-consumers`: the durable consumers by which partners read their events."""

import asyncio
from collections.abc import Mapping, Sequence

import typer
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from service.app import STREAM
from service.command.failure import Failure
from service.command.nats_config import DEFAULT_NATS_FOLDER, NatsDir
from service.command.nats_folder import consumers_in
from service.command.options import DataDir
from service.command.place import DEFAULT_FOLDER, settings_on
from service.command.reach import nats_client
from service.settings import Settings


def nats_consumers(
    nats_dir: NatsDir = DEFAULT_NATS_FOLDER, data_dir: DataDir = DEFAULT_FOLDER
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
    asyncio.run(_make(settings_on(data_dir, "nats_url"), wanted))


async def _make(settings: Settings, wanted: Mapping[str, Sequence[str]]) -> None:
    async with nats_client(settings) as client:
        jetstream = client.jetstream()
        for partner, consumers in wanted.items():
            for consumer in consumers:
                made = await _made(jetstream, partner, consumer)
                typer.echo(f"{consumer}: {'made' if made else 'was there, left as it is'}")


async def _made(jetstream: JetStreamContext, partner: str, consumer: str) -> bool:
    """Make one consumer, unless it is there.

    Raises: Failure.
    """
    try:
        await jetstream.stream_info(STREAM)
    except NotFoundError:
        raise Failure(f"There is no {STREAM}: start a worker first, which makes it.") from None
    except NatsError as error:
        raise Failure(f"JetStream cannot be used: {error}.") from error
    try:
        await jetstream.consumer_info(STREAM, consumer)
    except NotFoundError:
        await jetstream.add_consumer(STREAM, consumer_config(partner, consumer))
        return True
    return False


def consumer_config(partner: str, consumer: str) -> ConsumerConfig:
    """A pull consumer of all events of a partner."""
    return ConsumerConfig(
        durable_name=consumer,
        description=f"Events of {partner}",
        filter_subject=f"evt.*.{partner}.>",
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
    )
