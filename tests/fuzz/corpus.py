"""The corpus: inputs that reach, each, code that no smaller one of them reaches."""

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.deployment import Deployment
from tests.fuzz.target import Target

CORPUS = Path(__file__).parent / "corpus"
_TRACED = tuple(str(Path(__file__).parents[2] / name) + "/" for name in ("service", "schemas"))

Line = tuple[CodeType, int]


def inputs(*folders: Path) -> list[bytes]:
    """All inputs there are, each once, the smallest first."""
    found = {path.read_bytes() for folder in folders for path in folder.iterdir()}
    return sorted(found, key=lambda data: (len(data), data))


async def distil(found: Path, nats_url: str, mongo_uri: str, keys: Path) -> int:
    """Make the corpus anew out of itself and what was found; how many are in it."""
    deployment = Deployment(keys, nats_url, mongo_uri, "distil")
    await deployment.start(mongo_driver="pymongo", exists_rate=0)
    try:
        kept = await _telling(await Target.on(deployment), inputs(CORPUS, found))
    finally:
        await deployment.stop()
    for path in CORPUS.iterdir():
        path.unlink()
    for data in kept:
        (CORPUS / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    return len(kept)


async def _telling(target: Target, all_inputs: Iterable[bytes]) -> list[bytes]:
    """Those that reach a line which none before them has reached."""
    seen: set[Line] = set()
    kept = []
    for data in all_inputs:
        reached: set[Line] = set()
        sys.settrace(lambda frame, *_, to=reached: _tracer(frame, to))
        try:
            await target.run(data)
        except AssertionError:
            continue  # it has been reported: as a finding, not as a way to new code
        finally:
            sys.settrace(None)
        if not reached <= seen:
            seen |= reached
            kept.append(data)
    return kept


def _tracer(frame: FrameType, reached: set[Line]) -> Any:
    """Note the lines of a frame of ours; leave any other alone."""
    code = frame.f_code
    if not code.co_filename.startswith(_TRACED):
        return None

    def note(inner: FrameType, _event: str, _argument: object) -> Any:
        reached.add((code, inner.f_lineno))
        return note

    return note
