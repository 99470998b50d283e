"""`svc-user dev`: NATS, MongoDB and a worker on this machine, with one command."""

import asyncio
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from service.auth.rings import DATA
from service.command.failure import Failure
from service.command.keys import make_keys
from service.command.options import DataDir
from service.command.place import DEFAULT_FOLDER, Claim, Running, claimed
from service.command.reach import shown
from service.command.running import run_until_told
from service.command.serve import configure_logs, serving, until_broken
from service.local import GivenServer, LocalServer, start_mongo, start_nats
from service.local.mongo import has_data
from service.settings import Settings, read_settings

_NATS_PORT = 4222
_MONGO_PORT = 27017
_NAMES = {"nats_url": "NATS", "mongo_uri": "MongoDB"}
_LOOK_EVERY = 0.5
_EXAMPLE = '{"entity_type": "business", "registration_number": "1999/042", "trading_name": "Acme"}'

Start = Callable[..., Coroutine[Any, Any, LocalServer]]
NatsPort = Annotated[
    int | None,
    typer.Option(
        "--nats-port",
        metavar="N",
        min=0,
        max=65_535,
        show_default=str(_NATS_PORT),
        help="The port of nats-server; 0 for a free one.",
    ),
]
MongoPort = Annotated[
    int | None,
    typer.Option(
        "--mongo-port",
        metavar="N",
        min=0,
        max=65_535,
        show_default=str(_MONGO_PORT),
        help="The port of mongod; 0 for a free one.",
    ),
]


def dev(
    data_dir: DataDir = DEFAULT_FOLDER,
    nats_port: NatsPort = None,
    mongo_port: MongoPort = None,
) -> None:
    """Start NATS, MongoDB and a worker on this machine.

    NATS has JetStream, MongoDB is a replica set of one; both listen on the loopback address only.
    Their data and the keys stay in DIR. Where SVC_USER_NATS_URL or SVC_USER_MONGO_URI is set, that
    server is used, and none is started in its place.

    Ctrl-C and SIGTERM end all of it in good order, a second Ctrl-C at once.
    """
    settings = read_settings()
    configure_logs(settings)
    servers = _Servers(data_dir, settings)
    run_until_told(_dev(servers, nats_port, mongo_port), abandon=servers.kill)


class _Servers:
    """The servers of one run, each told of as soon as it is there."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self._started: list[LocalServer] = []

    async def get(self, setting: str, start: Start, port: int | None, usual: int) -> str:
        """The URL of the server that the setting names, or else of one that is started.

        Raises: LocalServerError; Failure, if a port is asked for and nothing is started.
        """
        server: LocalServer | GivenServer
        if setting not in self.settings.model_fields_set:
            server = await start(self.folder, port=usual if port is None else port)
            self._started.append(server)
        elif port is None:
            server = GivenServer(getattr(self.settings, setting))
        else:
            raise Failure(f"SVC_USER_{setting.upper()} names a server: leave out the port, or it.")
        typer.echo(f"{_NAMES[setting]:<8} {shown(server.url)}  ({server.origin})")
        return server.url

    async def until_one_ends(self) -> None:
        """Wait for what should not happen.

        Raises: Failure.
        """
        while True:
            logs = [str(server.log) for server in self._started if not server.alive]
            if logs:
                raise Failure(f"A server has ended unasked: {' and '.join(logs)} may say why.")
            await asyncio.sleep(_LOOK_EVERY)

    async def stop(self) -> None:
        """End those that were started, the last one first."""
        for server in reversed(self._started):
            await server.stop()

    def kill(self) -> None:
        """End them at once."""
        for server in self._started:
            server.kill()


async def _dev(servers: _Servers, nats_port: int | None, mongo_port: int | None) -> None:
    async with AsyncExitStack() as stack:
        claim = stack.enter_context(claimed(servers.folder))
        stack.push_async_callback(servers.stop)
        keys_dir = _keys(servers)
        settings = read_settings(
            nats_url=await servers.get("nats_url", start_nats, nats_port, _NATS_PORT),
            mongo_uri=await servers.get("mongo_uri", start_mongo, mongo_port, _MONGO_PORT),
            keys_dir=keys_dir,
        )
        worker = await stack.enter_async_context(serving(settings))
        _tell(claim, settings)
        _greet(servers.folder, settings)
        await _first_failure(servers.until_one_ends(), until_broken(worker))


async def _first_failure(*watches: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.ensure_future(watch) for watch in watches]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        ended.pop().result()
    finally:
        for task in tasks:
            task.cancel()


def _keys(servers: _Servers) -> Path:
    """The folder with the key rings, made where there is none, and nothing that one has sealed.

    Raises: Failure.
    """
    given = servers.settings.keys_dir
    if given is not None:
        return given
    folder = servers.folder / "keys"
    if not (folder / DATA).exists() and has_data(servers.folder):
        # What is sealed there would open no more, and what is new would be sealed with another key.
        raise Failure(
            f"{servers.folder / 'mongo'} holds data, and {folder / DATA}, which has sealed them, "
            "is not there: bring it back, or name its folder in SVC_USER_KEYS_DIR. To begin anew, "
            "choose another --data-dir."
        )
    make_keys(folder)
    return folder


def _tell(claim: Claim, settings: Settings) -> None:
    keys_dir = settings.keys_dir or Path()
    claim.tell(
        Running(
            nats_url=settings.nats_url,
            mongo_uri=settings.mongo_uri,
            mongo_database=settings.mongo_database,
            keys_dir=os.path.abspath(keys_dir),  # for those who look from elsewhere
        )
    )


def _greet(folder: Path, settings: Settings) -> None:
    program, url = _this_program(), shown(settings.nats_url)
    place = "" if folder == DEFAULT_FOLDER else f" --data-dir {shlex.quote(str(folder.absolute()))}"
    typer.echo(f"""
svc-user is ready at {url}, its data in {folder}

A token, and a request with it by the nats CLI, from another terminal:

  TOKEN=$({program} token --partner acme{place})
  nats request --server {url} -H "Authorization: Bearer $TOKEN" \\
    svc.entity.acme.create '{_EXAMPLE}'

The same without the nats CLI, and all events so far:

  {program} call entity.create --partner acme '{_EXAMPLE}'{place}
  {program} watch --from-start{place}

Ctrl-C ends it all.
""")


def _this_program() -> str:
    """How a shell in this folder calls the program that is running."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m service"
    found = shutil.which(called.name)
    if found is not None and called.exists() and Path(found).samefile(called):
        return called.name
    return shlex.quote(str(called))
