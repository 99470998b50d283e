"""What a shell gives a command instead of a file or text: full disks, closed inputs, odd bytes."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.cli.program import ROOT, environment

ENTITY = "0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d"
OF = "--partner acme --data-dir"


async def shell(line: str) -> tuple[int, str]:
    """The exit status, and standard error, of what a shell makes of the line."""
    command = f"{sys.executable} -m service {line}"
    program = await asyncio.create_subprocess_exec(
        *("bash", "-c", command), cwd=ROOT, env=environment(), stderr=asyncio.subprocess.PIPE
    )
    _, told = await program.communicate()
    assert program.returncode is not None
    return program.returncode, told.decode()


@pytest.mark.parametrize("output", ["operations", "operations --json", "call token.jwks"])
async def test_a_full_disk_is_a_sentence(dev_dir: Path, output: str) -> None:
    of = f"{OF} {dev_dir}" if output.startswith("call") else ""
    status, told = await shell(f"{output} {of} > /dev/full")
    assert (status, told) == (
        2,
        "svc-user: What is printed cannot be written: No space left on device.\n",
    )


@pytest.mark.parametrize(
    "reading",
    ["call token.jwks -", f"import - --format csv --entity {ENTITY} --dry-run"],
    ids=["call", "import"],
)
async def test_a_closed_input_is_a_sentence(dev_dir: Path, reading: str) -> None:
    status, told = await shell(f"{reading} {OF} {dev_dir} <&-")
    assert (status, told) == (2, "svc-user: Standard input is closed.\n")


@pytest.mark.parametrize("command", ["add --name", "rotate", "remove"])
async def test_bytes_that_are_no_text_are_refused(dev_dir: Path, command: str) -> None:
    status, told = await shell(f"client {command} $'\\xff' {OF} {dev_dir}")
    assert status == 2
    assert "text in UTF-8 is wanted" in told
