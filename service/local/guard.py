"""Binds a child process to the life of its parent, even of one that is killed (on Linux only).

The child itself must ask the kernel for that. So this file is run as a script, which asks and then
becomes the command. A `preexec_fn` would need no script, but it runs Python in a forked copy of a
process that has threads, and may hang.
"""

import ctypes
import os
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def guarded(command: Sequence[str], signal: int) -> list[str]:
    """Make the command one that gets the signal as soon as the *thread* that started it ends."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(signal)), *command]


def become(command: Sequence[str], signal: int, parent: int) -> None:
    """Replace this process by the command."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    # A parent that ended before that call sends no signal any more.
    if os.getppid() == parent:
        os.execv(command[0], list(command))  # noqa: S606 - without a shell, on purpose


if __name__ == "__main__":
    become(sys.argv[3:], signal=int(sys.argv[2]), parent=int(sys.argv[1]))
