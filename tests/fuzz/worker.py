"""The process that atheris runs in: it mutates inputs, and sees what code each of them reaches."""

import asyncio
import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["service", "schemas"]):
    from tests.deployment import Deployment
    from tests.fuzz.target import Target, keep_quiet


def main() -> None:
    """Fuzz as libFuzzer's arguments say, on the servers that the environment names."""
    keep_quiet()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    target = loop.run_until_complete(_target())

    def test_one_input(data: bytes) -> None:
        loop.run_until_complete(target.run(data))

    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


async def _target() -> Target:
    nats_url, mongo_uri = os.environ["SVC_USER_NATS_URL"], os.environ["SVC_USER_MONGO_URI"]
    keys = Path(os.environ["SVC_USER_KEYS_DIR"])
    deployment = Deployment(keys, nats_url, mongo_uri, f"fuzz_{os.getpid()}")
    # Everything in one thread, the one whose coverage is seen.
    await deployment.start(mongo_driver="pymongo", exists_rate=0)
    return await Target.on(deployment)


if __name__ == "__main__":
    main()
