"""Looking for traces of a person: wherever its data could be, whatever they look like there."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from service.resources import STREAM
from tests.client import Partner, Reply
from tests.deployment import Deployment


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a document or a body, bytes as text too."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from texts_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    else:
        yield str(value)


async def in_database(deployment: Deployment, values: Iterable[str]) -> list[str]:
    """Where any of the values is found in any collection, each as `collection id: value`."""
    found, wanted = [], list(values)
    for collection in await deployment.database.list_collection_names():
        async for document in deployment.database[collection].find():
            told = "\n".join(texts_in(document)).lower()
            found += [
                f"{collection} {document['_id']}: {value}"
                for value in wanted
                if value.lower() in told
            ]
    return found


async def in_stream(deployment: Deployment, values: Iterable[str]) -> list[str]:
    """Where any of the values is found in the stream."""
    jetstream = deployment.nats.jetstream()
    config = ConsumerConfig(ack_policy=AckPolicy.NONE)
    try:
        subscription = await jetstream.pull_subscribe("evt.>", stream=STREAM, config=config)
    except NotFoundError:
        return []
    found, wanted = list[str](), list(values)
    # Asked each time, and many at once: an erasure may take out what was still to come, and the
    # stream also holds what all tests before have told.
    while (await subscription.consumer_info()).num_pending:
        with suppress(TimeoutError):
            for message in await subscription.fetch(1_000, timeout=1):
                told = f"{message.subject} {message.headers} {message.data.decode()}".lower()
                found += [
                    f"{message.subject}: {value}" for value in wanted if value.lower() in told
                ]
    await subscription.unsubscribe()
    return found


async def erase(partner: Partner, person_id: str, key: str = "", **more: Any) -> Reply:
    """Ask to erase a person."""
    body = {"person_id": person_id, "reason": "asked for"}
    return await partner.ask(
        "privacy.erase", body, idempotency_key=key or f"erase-{person_id}", **more
    )


async def export(
    partner: Partner, person_id: str, token: str | None = None, **fields: Any
) -> list[dict[str, Any]]:
    """All items of an export, page by page."""
    items, cursor = [], None
    while True:
        body = {"person_id": person_id, **fields} | ({"cursor": cursor} if cursor else {})
        page = (await partner.ask("privacy.export", body, token)).done
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
