"""What a load costs: the processor time of each process that takes part in it."""

from collections.abc import Mapping

import psutil

from tests.bench.processes import ChildFailedError

NATS_SERVER, MONGOD, OWN, LOAD = "nats-server", "mongod", "own", "load"
"""The processes: both servers, the side's own and the generator of its load, if it needs one."""

Seconds = dict[str, float]
"""Processor time by process."""


class Meter:
    """Reads the processor time of processes that are there all the while."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        """Raises: ChildFailedError, as `spent` does."""
        self._pids = pids
        self._before = self._read()

    def spent(self) -> Seconds:
        """The processor time since the meter was made, of all threads, in the kernel too.

        A server that runs in a container is no process of ours: its time is not known.
        Raises: ChildFailedError, when one of the processes is not there any more.
        """
        return {name: now - self._before[name] for name, now in self._read().items()}

    def _read(self) -> Seconds:
        try:
            processes = {name: psutil.Process(pid) for name, pid in self._pids.items()}
            times = {
                name: process.cpu_times()
                for name, process in processes.items()
                if name == OWN or process.name() == name
            }
        except psutil.NoSuchProcess as gone:
            raise ChildFailedError(f"a process that was measured has ended: {gone}") from None
        return {name: each.user + each.system for name, each in times.items()}
