"""TCP ports of the loopback address: one that is free, and what is wrong with one that is not."""

import asyncio
import errno
import random
import socket

LOOPBACK = "127.0.0.1"

# Below the range that outgoing connections take their ports from: else a client that keeps trying
# to reach a server which is down may get its port, connect to itself, and keep it occupied.
CANDIDATES = range(20_000, 32_000)


def free_port() -> int:
    """Choose a port that nobody listens on."""
    while True:
        port = random.choice(CANDIDATES)  # noqa: S311 - it need not be hard to guess
        if obstacle_at(port) is None:
            return port


def obstacle_at(port: int) -> str | None:
    """Say what keeps a server from listening on the port, if anything does."""
    with socket.socket() as listener:
        # As servers do: connections of an earlier one that are still closing are no hindrance.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"is refused: {error}"
            return f"port {port} {reason}"
    return None


async def listens(host: str, port: int) -> bool:
    """Tell whether somebody takes connections there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True
