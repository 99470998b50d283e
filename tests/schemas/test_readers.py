"""Readers of events in one NATS, whose names are all partners'."""

import pytest
from nats.js.api import ConsumerConfig

from schemas.client import Client, ReaderTaken
from schemas.client.events import STREAM
from tests.schemas.stream import FilledStream, read


@pytest.mark.parametrize("of", ["other", "*"])
@pytest.mark.parametrize("filtered", ["evt.*.acme.*.*", "evt.token.acme.>", "evt.>", None])
async def test_another_partners_reader_is_left_alone(
    client: Client, stream: FilledStream, of: str, filtered: str | None
) -> None:
    """Or one of all partners, unless it is asked for as such."""
    jetstream = client.connection.jetstream()
    there = ConsumerConfig(durable_name="reader", filter_subject=filtered)
    made = await jetstream.add_consumer(STREAM, there)
    everyones = filtered in {"evt.>", None}
    await stream.publish(1)
    if everyones and of == "*":
        assert await read(client, 1, partner=of) == [1]
        return
    with pytest.raises(ReaderTaken, match="reader"):
        await read(client, 1, partner=of)
    assert (await jetstream.consumer_info(STREAM, "reader")).config == made.config
