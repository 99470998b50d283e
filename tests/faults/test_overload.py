"""A worker that is asked for more than it can do goes on doing what it can, and refuses the rest.

In the suite this is an open loop alone, short, and beside whatever else the machine does: so it
only holds the worker to a part of its peak. `make faults` takes a minute for each, and holds it to
the whole promise.
"""

import os
from pathlib import Path

import pytest

from tests.faults.overload import measure, table
from tests.faults.table import show

SHORT, SHORT_SHARE = 1.0, 0.3
LONG_SHARE = 0.8
MOST_GROWN = 128
"""MiB: of events under way to the stream a worker keeps 20,000 aggregates' at most."""
MOST_REFUSAL_MS = 1_000.0
SLOWER = 5.0


@pytest.mark.alone
async def test_overload(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the peak most is done, the rest hears 503; memory stays, and right after all is well."""
    seconds = float(os.environ.get("SVC_USER_FAULT_OVERLOAD", SHORT))
    overloads = await measure(tmp_path, seconds, both=seconds > SHORT)
    with capsys.disabled():
        show(table(overloads))
    for each in overloads:
        assert each.result.failures["503"] > 0, "this was no overload"
        assert each.others == 0, each.result.failures
        assert each.share >= (LONG_SHARE if seconds > SHORT else SHORT_SHARE), each.name
        assert each.result.refused_p99_ms < MOST_REFUSAL_MS
        assert each.grown < MOST_GROWN
        before, after = each.single_ms
        assert after < SLOWER * before
