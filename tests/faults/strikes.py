"""What can befall a process: it is killed, frozen, restarted, cut off, or its disk is full.

Each strike ends with everything there again: what recovery takes is counted from then on.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from service.local import LocalServer
from service.resources import STREAM
from tests.eventually import eventually
from tests.faults.cluster import Cluster
from tests.faults.proxy import Proxy
from tests.faults.workers import WorkerProcess

Process = LocalServer | WorkerProcess

NO_SPACE = "no space left on device"
PAUSE = (0.1, 1.0)
"""Seconds between two strikes, and those that a killed process is away: at random from here."""


class Target(StrEnum):
    """The processes, by the part that they play at the moment of the strike."""

    LEADER = "nats-server, leads the stream"
    FOLLOWER = "nats-server, follows"
    ALL_NATS = "nats-server, all three"
    PRIMARY = "mongod, primary"
    SECONDARY = "mongod, secondary"
    WORKER = "worker"


class Kind(StrEnum):
    """What happens to them."""

    KILL = "kill -9"
    FREEZE = "frozen"
    RESTART = "clean restart"
    CUT = "cut in a reply"
    FULL = "disk full"


_HARDEST = {Kind.KILL, Kind.FREEZE, Kind.FULL}
_OF_NATS = {Target.LEADER, Target.FOLLOWER, Target.ALL_NATS}
_SINGLE = [target for target in Target if target is not Target.ALL_NATS]
STRIKES = (
    *((kind, target) for kind in Kind if kind is not Kind.FULL for target in _SINGLE),
    *((Kind.FULL, target) for target in Target if target in _OF_NATS),
)
"""Each kind against each process; but only the stream has a disk of its own."""

_HELD_UP = {
    # Out of a worker its answer; into it the stream's to an event, and MongoDB's to a write.
    Target.WORKER: (Proxy.hold_outward, b"X-Request-Id: "),
    Target.LEADER: (Proxy.hold_inward, f'"stream":"{STREAM}"'.encode()),
    Target.FOLLOWER: (Proxy.hold_inward, f'"stream":"{STREAM}"'.encode()),
    Target.PRIMARY: (Proxy.hold_inward, b"\x10n\x00"),
    Target.SECONDARY: (Proxy.hold_inward, b"\x01ok\x00"),
}
"""Where in its bytes a reply is cut off."""


@dataclass
class Striker:
    """Strikes a cluster; `frozen` is for how many seconds a process is frozen, or a disk full."""

    cluster: Cluster
    chance: random.Random
    frozen: float

    def drawn(self, rounds: int) -> Sequence[tuple[Kind, Target]]:
        """So many times every strike, in an order of its own; of none, the hardest kinds, once."""
        possible = [each for each in STRIKES if self.cluster.disks or each[0] is not Kind.FULL]
        if rounds:
            return [each for _ in range(rounds) for each in self._mixed(possible)]
        first: dict[Kind, tuple[Kind, Target]] = {}
        for kind, target in self._mixed(possible):
            if kind in _HARDEST and target is not Target.ALL_NATS:
                first.setdefault(kind, (kind, target))
        return list(first.values())

    async def pause(self) -> None:
        """Wait for the random moment."""
        await asyncio.sleep(self.chance.uniform(*PAUSE))

    async def strike(self, kind: Kind, target: Target) -> None:
        """Let it happen, and return when everything is there again."""
        if kind is Kind.CUT:
            await self._cut(target)
        elif kind is Kind.FULL:
            await self._fill(target)
        else:
            process = await self._process(target)
            await self._befall(kind, process)

    def _mixed(self, strikes: Sequence[tuple[Kind, Target]]) -> Sequence[tuple[Kind, Target]]:
        return self.chance.sample(strikes, len(strikes))

    async def _befall(self, kind: Kind, process: Process) -> None:
        if kind is Kind.KILL:
            process.kill()
            await self.pause()
            await process.start()
        elif kind is Kind.FREEZE:
            process.freeze()
            await asyncio.sleep(self.frozen)
            process.thaw()
        else:
            await process.stop()
            await process.start()

    async def _process(self, target: Target) -> Process:
        house = self.cluster.house
        if target is Target.WORKER:
            return self.chance.choice(house.workers)
        if target in _OF_NATS:
            return house.nats_members[await self._number(target)]
        return house.mongo_members[await self._number(target)]

    async def _number(self, target: Target) -> int:
        """Which member plays the part, or one of those that do."""
        leads = target in {Target.LEADER, Target.PRIMARY}
        first = await (self.cluster.leader() if target in _OF_NATS else self.cluster.primary())
        others = [number for number in range(len(self.cluster.nats_proxies)) if number != first]
        return first if leads else self.chance.choice(others)

    async def _cut(self, target: Target) -> None:
        """Cut a connection in the middle of a reply; of NATS's, whichever has one first."""
        if target in {Target.PRIMARY, Target.SECONDARY}:
            proxies = [self.cluster.mongo_proxies[await self._number(target)]]
        else:
            proxies = self.cluster.nats_proxies
        hold, pattern = _HELD_UP[target]
        for proxy in proxies:
            hold(proxy, pattern)
        held = await eventually(
            lambda: [proxy for proxy in proxies if proxy.on_hold.is_set()],
            within=60,
            what=f"a reply to cut: {target}",
        )
        for proxy in proxies:
            if proxy in held:
                proxy.cut()
            else:
                proxy.release()

    async def _fill(self, target: Target) -> None:
        house, disks = self.cluster.house, self.cluster.disks
        every = range(len(disks))
        numbers = every if target is Target.ALL_NATS else [await self._number(target)]
        for number in numbers:
            disks[number].fill()
        logs = [house.nats_members[number].log for number in numbers]
        await eventually(
            lambda: all(_says(log, NO_SPACE) for log in logs),
            within=60,
            what="the nats-server notices that its disk is full",
        )
        await asyncio.sleep(self.frozen)
        for number in numbers:
            disks[number].free()
        # JetStream stays off on a server whose disk was full, until that is started again.
        await asyncio.gather(*(house.nats_members[number].restart() for number in numbers))


def _says(log: Path, text: str) -> bool:
    return text in log.read_text(errors="replace").lower()
