"""The limit of the bus: nats-py sends each payload back as it came, and does nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
from nats.aio.msg import Msg

from tests.bench.peers.peer import Options, run


@asynccontextmanager
async def serving(options: Options) -> AsyncIterator[None]:
    """Echo whatever is sent to a subject that begins with the peer's name."""
    client = await nats.connect(options.nats)

    async def echo(message: Msg) -> None:
        await client.publish(message.reply, message.data)

    await client.subscribe(f"{options.name}.>", cb=echo)
    await client.flush()
    try:
        yield
    finally:
        await client.close()


if __name__ == "__main__":
    run(serving)
