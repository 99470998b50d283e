"""`svc-user events replay`: the event stream, restored from the event log."""

import asyncio
from datetime import UTC, datetime, timedelta

import typer
from nats.errors import Error as NatsError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from service.bus.replay import Progress, Replay
from service.command.failure import Failure, NoAnswer
from service.command.options import DataDir
from service.command.place import DEFAULT_FOLDER, settings_on
from service.command.reach import nats_client, shown
from service.problems import Unavailable
from service.resources import STREAM, ensure_stream, open_mongo
from service.settings import Settings
from service.storage.batches import EVENT_LOG
from service.storage.event_log import EVENT_LOG_INDEXES


def replay(data_dir: DataDir = DEFAULT_FOLDER) -> None:
    """Publish what the event log in MongoDB has and the event stream has not.

    For a stream that was deleted, or lost what it had taken: afterwards it has every event once,
    those of each aggregate in their order. Interrupted, and called again, it goes on where it was.
    Workers may run meanwhile; where they do, consumers may be told a second time of what was
    changed since the stream was lost, under the same event ids.
    """
    settings = settings_on(data_dir, "nats_url", "mongo_uri")
    try:
        done = asyncio.run(_replay(settings))
    except Unavailable:
        raise NoAnswer(
            f"MongoDB at {shown(settings.mongo_uri)} does not answer. Call this again to go on."
        ) from None
    except NatsError as error:
        raise NoAnswer(
            f"NATS at {shown(settings.nats_url)} refuses: {error}. Call this again to go on."
        ) from error
    typer.echo(f"{STREAM}: {done.told} events told again, of {done.seen} in the log")
    if done.given_up:
        raise Failure(
            f"{done.given_up} aggregates were being changed all the time: call this again for them."
        )


async def _replay(settings: Settings) -> Progress:
    mongo = open_mongo(settings)
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    try:
        async with nats_client(settings) as client:
            jetstream = client.jetstream()
            await mongo.ensure_indexes(EVENT_LOG, EVENT_LOG_INDEXES)
            await ensure_stream(jetstream, settings)
            days = settings.stream_max_age_days
            since = datetime.now(UTC) - timedelta(days=days) if days else None
            with Bars(
                *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
            ) as bars:
                task = bars.add_task(STREAM, total=None)

                def on_progress(progress: Progress) -> None:
                    total = max(progress.total, progress.seen)
                    bars.update(task, completed=progress.seen, total=total)
                    if not console.is_terminal:
                        typer.echo(f"{STREAM}: {progress.seen} of {total}", err=True)

                return await Replay(mongo, jetstream, STREAM, since).run(on_progress)
    finally:
        await mongo.close()
