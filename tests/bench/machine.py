"""What a figure was measured on: without it, no figure means anything."""

import asyncio
import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil
from motor.motor_asyncio import AsyncIOMotorClient

from tests.bench.rig import Rig

PACKAGES = (
    "nats-py",
    "motor",
    "pymongo",
    "pydantic",
    "orjson",
    "uvloop",
    "faststream",
)


async def describe(rig: Rig) -> dict[str, str]:
    """Name the processor, the system, and the versions of all that takes part."""
    client: AsyncIOMotorClient[dict[str, str]] = AsyncIOMotorClient(rig.mongo)
    build = await client.server_info()
    client.close()
    nats = rig.bus.connected_server_version
    memory = psutil.virtual_memory().total / 2**30
    return {
        "processor": await asyncio.to_thread(_processor),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "nats-server": f"{nats.major}.{nats.minor}.{nats.patch}",
        "mongod": str(build["version"]),
        "load before": f"{os.getloadavg()[0]:.1f}",
        **{package: version(package) for package in PACKAGES},
    }


def _processor() -> str:
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
