"""A task of the NATS client ends, and the client does not notice."""

import asyncio

import pytest
from nats.errors import Error as NatsError

from tests.client import Partner
from tests.deployment import Deployment
from tests.eventually import eventually


@pytest.mark.parametrize("name", ["_reading_task", "_flusher_task"])
async def test_task_ends(deployment: Deployment, partner: Partner, name: str) -> None:
    """The worker connects anew at once, and answers."""
    connection = deployment.worker.connection
    before = connection.stats["reconnects"]
    task: asyncio.Task[None] = getattr(connection, name)
    task.cancel()
    await asyncio.wait([task])
    await eventually(lambda: connection.stats["reconnects"] > before, within=5)

    async def answers() -> bool:
        try:
            await deployment.nats.request(partner.subject("user.me"), timeout=0.2)
        except NatsError:
            return False
        return True

    await eventually(answers, within=5)
    assert not connection.is_deaf
