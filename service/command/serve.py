"""`svc-user serve`: a worker, from its first look at the servers to its last reply."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from nats.errors import Error as NatsError

from service import logs
from service.app import Worker
from service.command.failure import Failure
from service.command.place import WHAT_A_WORKER_NEEDS, settings_on
from service.command.reach import wait_for_servers
from service.command.running import run_until_told
from service.problems import Unavailable
from service.settings import Settings, read_settings

PATIENCE = 30.0
"""Seconds that the servers have to be there, and then those that a worker has to start."""

BesideDev = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Serve beside the `svc-user dev` that runs on DIR: its servers, its keys.",
    ),
]


def serve(data_dir: BesideDev = None) -> None:
    """Run a worker alone, against the servers of the settings.

    SVC_USER_NATS_URL, SVC_USER_MONGO_URI and SVC_USER_KEYS_DIR say where they and the keys are.
    SIGTERM and Ctrl-C end it: what came is answered, and nothing new is taken.
    """
    settings = read_settings() if data_dir is None else settings_on(data_dir, *WHAT_A_WORKER_NEEDS)
    configure_logs(settings)
    run_until_told(_serve(settings))


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Worker]:
    """A worker that serves for as long as the block runs.

    Raises: WrongSetting, Failure.
    """
    worker = Worker(settings)
    try:
        worker.show()
        await wait_for_servers(settings, PATIENCE)
        await _start(worker)
        yield worker
    finally:
        await worker.stop()


def configure_logs(settings: Settings) -> None:
    """Log as the settings say; where they say nothing, in text to a terminal, else in JSON."""
    form = settings.log_format
    if "log_format" not in settings.model_fields_set and sys.stderr.isatty():
        form = "text"
    logs.configure(settings.log_level, form)


async def _serve(settings: Settings) -> None:
    async with serving(settings) as worker:
        await until_broken(worker)


async def until_broken(worker: Worker) -> None:
    """Wait as long as the worker is whole.

    Raises: Failure.
    """
    part = await worker.broken()
    raise Failure(f"The worker's {part} has ended unasked; the log says why. Start it again.")


async def _start(worker: Worker) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await worker.start()
    except Unavailable as error:
        raise Failure("MongoDB stopped answering while the worker started.") from error
    except TimeoutError as error:
        raise Failure("NATS stopped answering while the worker started.") from error
    except NatsError as error:
        raise Failure(f"The event stream cannot be made what it should be: {error}.") from error
