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
    task: asyncio.Task[None] = getattr(deployment.worker.connection, name)
    task.cancel()
    await asyncio.wait([task])

    async def answers() -> bool:
        try:
            await deployment.nats.request(partner.subject("user.me"), timeout=0.2)
        except NatsError:
            return False
        return True

    await eventually(answers, within=5)
    assert not deployment.worker.connection.is_deaf
