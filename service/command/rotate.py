"""`svc-user keys rotate`: a new key in the place of the one that is used, while all goes on."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars

from service.app import KINDS
from service.auth.rings import DATA, SIGNING
from service.command.failure import Failure, NoAnswer
from service.command.keys import KeysDir, rotate_signing
from service.command.options import DataDir
from service.command.place import DEFAULT_FOLDER, keys_folder, settings_on
from service.command.reach import shown
from service.problems import Unavailable
from service.resources import open_mongo
from service.settings import Settings
from service.storage.rotation import AlreadyRotating, Progress, ring_with_new_key, seal_anew
from service.storage.sealing import DataKeys

Signing = Annotated[bool, typer.Option("--signing", help="Rotate the ring that signs tokens.")]
Data = Annotated[
    bool,
    typer.Option(
        "--data",
        help="Rotate the ring that seals numbers in MongoDB, and seal everything there anew.",
    ),
]
DropOld = Annotated[
    bool,
    typer.Option(
        "--drop-old",
        help="With --signing, take the earlier keys out, too: every token so far stops working "
        "within 5 seconds.",
    ),
]


def rotate(
    signing: Signing = False,
    data: Data = False,
    drop_old: DropOld = False,
    keys_dir: KeysDir = None,
    data_dir: DataDir = DEFAULT_FOLDER,
) -> None:
    """Make a new key in a ring, which is used from now on.

    Workers that see the folder go on with it within seconds. The earlier keys stay in the ring:
    what they signed is good until it expires, and what they sealed is in backups still. To seal
    everything anew takes a while; interrupted, and called again, it goes on where it was.
    """
    if signing == data:
        raise typer.BadParameter("say which ring: --signing or --data", param_hint="keys rotate")
    if drop_old and data:
        raise typer.BadParameter("goes with --signing alone", param_hint="--drop-old")
    folder = keys_dir or keys_folder(data_dir)
    try:
        if signing:
            rotate_signing(folder, drop_old=drop_old)
        else:
            _rotate_data(folder / DATA, settings_on(data_dir, "mongo_uri"))
    except AlreadyRotating:
        ring = folder / (SIGNING if signing else DATA)
        raise Failure(f"Another rotation of {ring} is under way: let that one finish.") from None


def _rotate_data(path: Path, settings: Settings) -> None:
    try:
        with ring_with_new_key(path) as ring:
            done = asyncio.run(_seal_anew(settings, ring))
    except (OSError, ValueError) as error:
        raise Failure(f"The data key cannot be rotated: {error}.") from error
    except Unavailable:
        raise NoAnswer(
            f"MongoDB at {shown(settings.mongo_uri)} does not answer. The new key is in use, and "
            "nothing is lost: call this again to go on."
        ) from None
    typer.echo(f"{path}: seals with {ring.current}, {done.sealed} values anew")
    if done.broken:
        raise Failure(f"{done.broken} values open with no key of {path}, and are as they were.")


async def _seal_anew(settings: Settings, ring: DataKeys) -> Progress:
    mongo = open_mongo(settings)
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    try:
        with Bars(*columns, console=console, disable=not console.is_terminal) as bars:
            tasks = {kind.collection: bars.add_task(kind.collection, total=None) for kind in KINDS}

            def on_progress(progress: Progress) -> None:
                total = max(progress.total, progress.seen)
                bars.update(tasks[progress.collection], completed=progress.seen, total=total)
                if not console.is_terminal:
                    typer.echo(f"{progress.collection}: {progress.seen} of {total}", err=True)

            return await seal_anew(mongo, KINDS, ring, on_progress)
    finally:
        await mongo.close()
