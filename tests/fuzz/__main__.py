"""`make fuzz`: fuzz for SVC_USER_FUZZ_SECONDS on servers of its own, then keep what was new.

An input that breaks something is left in tests/fuzz/findings, and ends the run with status 1.
"""

import asyncio
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from service.local import start_mongo, start_nats
from tests.fuzz.corpus import CORPUS, distil
from tests.fuzz.target import keep_quiet

HERE = Path(__file__).parent
FINDINGS = HERE / "findings"
SECONDS = int(os.environ.get("SVC_USER_FUZZ_SECONDS", "300"))
_LONGEST_INPUT = 600


async def main() -> int:
    """Fuzz, and put what reached new code into the corpus."""
    if find_spec("atheris") is None:
        sys.stderr.write("There is no atheris for this machine: it is for Linux on x86-64.\n")
        return 2
    keep_quiet()
    with TemporaryDirectory() as folder:
        nats = await start_nats(_new(folder, "nats"), port=0)
        mongo = await start_mongo(_new(folder, "mongo"), port=0)
        found = _new(folder, "found")
        try:
            servers = {
                "SVC_USER_NATS_URL": nats.url,
                "SVC_USER_MONGO_URI": mongo.url,
                "SVC_USER_KEYS_DIR": str(_new(folder, "fuzzed")),
            }
            status = await asyncio.to_thread(_fuzz, found, {**os.environ, **servers})
            kept = await distil(found, nats.url, mongo.url, _new(folder, "distilled"))
        finally:
            nats.kill()
            mongo.kill()
    sys.stdout.write(f"{kept} inputs are in {CORPUS.relative_to(Path.cwd())}\n")
    return status


def _fuzz(found: Path, environment: dict[str, str]) -> int:
    """Run libFuzzer: it writes what reaches new code to the first folder, and reads the second."""
    FINDINGS.mkdir(exist_ok=True)
    arguments = (
        *(found, CORPUS, f"-max_total_time={SECONDS}", f"-max_len={_LONGEST_INPUT}"),
        *("-timeout=30", "-rss_limit_mb=4096", "-len_control=0", f"-artifact_prefix={FINDINGS}/"),
        "-print_final_stats=1",
    )
    command = [sys.executable, "-m", "tests.fuzz.worker", *map(str, arguments)]
    return subprocess.run(command, env=environment, check=False).returncode


def _new(folder: str, name: str) -> Path:
    path = Path(folder) / name
    path.mkdir()
    return path


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
