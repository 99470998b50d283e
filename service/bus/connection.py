"""The connection to NATS: nats-py's client that no frame and no complaint of the server can end.

nats-py's reading task ends for good on any frame that it cannot decode, while `is_connected` stays
true. Here message frames are taken apart by the server's own rule (fields between single spaces,
any other byte belongs to a field), and whatever goes wrong with one message stays with that one.

The intake also hands a message over as its bytes, at once and without a queue of its own: a worker
has a bound, and answers what is beyond it, instead of keeping it waiting unseen.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import ProtocolError
from nats.protocol.parser import PERMISSIONS_ERR, Parser

log = structlog.get_logger()

_Message = tuple[bytes, bytes, bytes, bytes]
"""Subject, reply subject, header block and payload."""

Receive = Callable[[bytes, bytes, bytes, bytes], None]
"""Takes a message, part by part; must not raise, and not take long."""

_CRLF = b"\r\n"
_LONGEST_LINE = 1024 * 1024
"""Of the protocol, not of a message: what a server says of itself may list a whole cluster."""
_HEADER_LINE = b"NATS/1.0\r\n"
_FRAME_BYTES = 16
"""More than stands before and behind the headers of a message: this line, and another's end."""


class Connection(Client):
    """A NATS client that hands messages over as bytes and sends ready-made frames."""

    def __init__(self) -> None:
        super().__init__()
        self._ps = _Intake(self)
        self._receivers: dict[int, Receive] = {}

    async def listen(self, subject: str, receive: Receive, queue: str = "") -> Subscription:
        """Subscribe; `receive` is called from the reading task with each message."""
        # Entered before the server can know of the subscription, so no message comes too early.
        sid = self._sid + 1
        self._receivers[sid] = receive
        subscription = await self.subscribe(subject, queue=queue, cb=_never)
        if subscription._id != sid:
            raise RuntimeError("nats-py numbers its subscriptions in another way")
        return subscription

    async def flush(self, timeout: int = 10) -> None:  # noqa: ASYNC109  # nats-py's own signature
        """Return when the server has taken all that was sent before.

        nats-py's ping overtakes what waits in its buffer, and only pushes it out. So a second one.
        """
        await super().flush(timeout)
        await super().flush(timeout)

    async def unlisten(self, subscription: Subscription) -> None:
        """Tell the server to send no more; what is on its way is still received."""
        self._subs.pop(subscription._id, None)  # else a reconnect would subscribe again
        subscription._stop_processing()  # nats-py's own task for it, which has nothing to do
        await self._send_unsubscribe(subscription._id)

    def fits(self, headers: bytes, payload: bytes) -> bool:
        """Whether the server takes a message of these; over a larger one it ends the connection."""
        return len(headers) + len(payload) + _FRAME_BYTES <= self.max_payload

    def send(
        self, subject: bytes, payload: bytes, headers: bytes = b"", reply: bytes = b""
    ) -> None:
        """Send a message; while disconnected it waits in the client's buffer.

        `headers` is a block of `Name: value` lines, each with its line end. Anything beyond the
        buffer's bound is dropped: whoever waits for it has a time-out or a sweep.
        """
        to = subject + b" " + reply if reply else subject
        if headers:
            length = len(_HEADER_LINE) + len(headers) + len(_CRLF)
            frame = b"HPUB %b %d %d\r\n%b%b\r\n%b\r\n" % (
                to,
                length,
                length + len(payload),
                _HEADER_LINE,
                headers,
                payload,
            )
        else:
            frame = b"PUB %b %d\r\n%b\r\n" % (to, len(payload), payload)
        self._enqueue(frame)

    def _enqueue(self, frame: bytes) -> None:
        if not self.is_connected and self._pending_data_size + len(frame) > self._max_pending_size:
            log.warning("nats_buffer_full", dropped_bytes=len(frame))
            return
        self._pending.append(frame)
        self._pending_data_size += len(frame)
        queue = self._flush_queue
        if queue is not None and queue.empty() and self.is_connected:
            queue.put_nowait(asyncio.get_running_loop().create_future())

    @property
    def is_deaf(self) -> bool:
        """Whether the task that reads, or that writes, has ended while the connection stands."""
        tasks = (self._reading_task, self._flusher_task)
        return self.is_connected and any(task is not None and task.done() for task in tasks)

    async def _process_err(self, err_msg: str) -> None:
        """Connect anew whatever the server complains of; nats-py would close for good.

        An expired login is renewed by it, and what was too large is not sent a second time. What
        may not be sent or heard ends no connection.
        """
        if PERMISSIONS_ERR in err_msg:
            await super()._process_err(err_msg)
            return
        log.error("nats_complained", text=err_msg.strip("'"))
        await self._process_op_err(NatsError(err_msg))

    def _hand_over(self, sid: int, message: _Message) -> Awaitable[None] | None:
        """Call whoever listens, or give what is to be awaited for a subscription of nats-py's."""
        receive = self._receivers.get(sid)
        if receive is None:
            return self._pass_on(sid, message)
        try:
            receive(*message)
        except Exception as error:  # noqa: BLE001  # the reading task must outlive any message
            _log_dropped(error)
        return None

    async def _pass_on(self, sid: int, message: _Message) -> None:
        subject, reply, headers, payload = message
        try:
            await self._process_msg(sid, subject, reply, payload, headers)
        except Exception as error:  # noqa: BLE001  # as above
            _log_dropped(error)


def _log_dropped(error: Exception) -> None:
    """One message that cannot be decoded, or one reply that nobody waits for any more."""
    log.warning("nats_message_dropped", error=type(error).__name__)


async def _never(_: Any) -> None:
    """In the place of a callback: the intake calls the receiver itself."""


class _Intake(Parser):
    """Takes message frames apart; leaves every other line of the protocol to nats-py."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lines = Parser(connection)
        super().__init__(connection)

    def reset(self) -> None:
        super().reset()
        self._lines.reset()

    async def parse(self, data: bytes = b"") -> None:
        """Take in what was read; a frame that is not whole yet waits for the rest."""
        buffer = self.buf
        buffer += data
        at = 0
        while (end := _line_end(buffer, at)) >= 0:
            if buffer.startswith((b"MSG ", b"HMSG "), at):
                sid, head, total, subject, reply = _opening(bytes(buffer[at:end]))
                start = end + 2
                at_next = start + total + 2
                if at_next > len(buffer):
                    break
                at = at_next
                headers = bytes(buffer[start : start + head])
                payload = bytes(buffer[start + head : start + total])
                waiting = self._connection._hand_over(sid, (subject, reply, headers, payload))
                if waiting is not None:
                    await waiting
            else:
                await self._lines.parse(bytes(buffer[at : end + 2]))
                at = end + 2
            if self.buf is not buffer:
                return  # a reconnect began meanwhile, with a buffer of its own
        del buffer[:at]


def _line_end(buffer: bytearray, at: int) -> int:
    """Where the line that begins here ends; -1 while the rest of it is still to come.

    Raises: ProtocolError, of a line that is longer than any.
    """
    end = buffer.find(_CRLF, at, at + _LONGEST_LINE)
    if end < 0 and len(buffer) - at >= _LONGEST_LINE:
        raise ProtocolError
    return end


def _opening(line: bytes) -> tuple[int, int, int, bytes, bytes]:
    """What a message's first line says: subscription, bytes of headers, bytes in all, subjects.

    Raises: ProtocolError.
    """
    fields = line.split(b" ")
    try:
        total = int(fields.pop())
        head = int(fields.pop()) if fields[0] == b"HMSG" else 0
        _, subject, sid, *reply = fields
        opening = int(sid), head, total, subject, reply[0] if reply else b""
    except (ValueError, IndexError) as error:
        raise ProtocolError from error
    # A length below nothing would have the same line read again, for ever.
    if not 0 <= head <= total or len(reply) > 1:
        raise ProtocolError
    return opening
