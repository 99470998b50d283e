"""Sends users, many at a time, each until there is an answer that settles it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from schemas.heeding import heeding
from schemas.problem import FieldError
from service.command.asking import is_refusal, subject_of
from service.command.failure import NoAnswer
from service.command.user_lines import Line, RefusedLine, UserLine
from service.problems import Unavailable

GIVES_UP_AFTER = 60.0
"""Seconds in which nothing at all was settled."""
_ANSWERED_WITHIN = 5.0
_LONGEST_PAUSE = 30.0
_TOKEN_SECONDS = 3_600.0
_COMES_BACK = frozenset({"429", "503"})
"""Refusals of a request that the same request may be spared later."""
_HOLDS_FOR_ALL = frozenset({401, 403, 405})
"""Refusals that are not about the line: every other line would have the same."""


class _Again(Enum):
    """A request is to be sent again; whether it may have been carried out already."""

    NOT_DONE = auto()
    MAY_BE_DONE = auto()


Fate = Literal["created", "there"]


class Hopeless(Exception):
    """What was refused would be refused for every line; the text says why."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A line, and what became of it."""

    line: UserLine
    fate: Fate


class Sender:
    """Asks for a user until an answer comes that is no matter of time.

    A request has the same Idempotency-Key however often it is sent, in this run or in another. So
    a reply that was lost is made good by asking again.
    """

    def __init__(
        self,
        client: Client,
        partner: str,
        key: Callable[[UserLine], str],
        new_token: Callable[[], str],
        gives_up_after: float = GIVES_UP_AFTER,
    ) -> None:
        self._client = client
        self._subject = subject_of("user.create", partner)
        self._key = key
        self._new_token = new_token
        self._gives_up_after = gives_up_after
        self._token, self._token_at = "", -_TOKEN_SECONDS
        self._resumes_at = 0.0
        self._last_settled = time.monotonic()

    async def settle(self, line: UserLine) -> Settled | RefusedLine:
        """Send the line's user.

        Raises: NoAnswer, Hopeless.
        """
        headers = {"Idempotency-Key": self._key(line)}
        may_be_done = False
        while True:
            await self._until_resumed()
            headers["Authorization"] = f"Bearer {self._present_token()}"
            reply = await self._reply(line, headers)
            if isinstance(reply, Msg):
                self._last_settled = time.monotonic()
                return _judged(line, reply, may_be_done)
            may_be_done |= reply is _Again.MAY_BE_DONE

    async def _reply(self, line: UserLine, headers: dict[str, str]) -> "Msg | _Again":
        """The reply, if it is no matter of time.

        Raises: NoAnswer, when it has been one for too long.
        """
        try:
            with heeding():
                reply = await self._client.request(
                    self._subject, line.body, timeout=_ANSWERED_WITHIN, headers=headers
                )
        except NatsError as error:  # nobody there, no answer in time, or no connection
            self._pause(1.0, f"{self._subject}: {_said(error)}.")
            nobody = isinstance(error, NoRespondersError)
            return _Again.NOT_DONE if nobody else _Again.MAY_BE_DONE
        sent = reply.headers or {}
        if sent.get("Nats-Service-Error-Code") not in _COMES_BACK:
            return reply
        said = sent["Nats-Service-Error"]
        self._pause(_seconds(sent.get("Retry-After", "1")), said)
        return _Again.MAY_BE_DONE if f" {Unavailable.code}:" in said else _Again.NOT_DONE

    def _pause(self, seconds: float, reason: str) -> None:
        """Let nothing be sent for a while.

        Raises: NoAnswer, if nothing has been settled for too long.
        """
        now = time.monotonic()
        if now - self._last_settled > self._gives_up_after:
            raise NoAnswer(f"Given up after {self._gives_up_after:g} s. The last word: {reason}")
        self._resumes_at = max(self._resumes_at, now + seconds)

    async def _until_resumed(self) -> None:
        while True:
            pause = self._resumes_at - time.monotonic()
            if pause <= 0:
                return
            await asyncio.sleep(pause)

    def _present_token(self) -> str:
        if time.monotonic() - self._token_at >= _TOKEN_SECONDS:
            self._token, self._token_at = self._new_token(), time.monotonic()
        return self._token


async def settle_all(
    sender: Sender,
    lines: AsyncIterator[Line],
    take: Callable[[Settled | RefusedLine], None],
    at_once: int,
) -> None:
    """Settle the lines, so many at once, and give each to `take` as soon as it is.

    Raises: NoAnswer, Hopeless.
    """

    async def work() -> None:
        async for line in lines:
            take(line if isinstance(line, RefusedLine) else await sender.settle(line))

    tasks = [asyncio.create_task(work()) for _ in range(at_once)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _judged(line: UserLine, reply: Msg, may_be_done: bool) -> Settled | RefusedLine:
    """What a reply that came means.

    Raises: Hopeless.
    """
    headers = reply.headers or {}
    if not is_refusal(reply):
        # After an answer that got lost, the user that is there may well be this run's.
        replayed = headers.get("Idempotency-Replayed") == "true" and not may_be_done
        return Settled(line, "there" if replayed else "created")
    errors: list[FieldError] = orjson.loads(reply.data)["errors"]
    about_entity = any(error["path"] == "entity_id" for error in errors)
    if about_entity or int(headers["Nats-Service-Error-Code"]) in _HOLDS_FOR_ALL:
        raise Hopeless(headers["Nats-Service-Error"])
    return RefusedLine(line.number, errors)


def _seconds(retry_after: str) -> float:
    try:
        return min(max(float(retry_after), 0.05), _LONGEST_PAUSE)
    except ValueError:
        return 1.0


def _said(error: Exception) -> str:
    return str(error).removeprefix("nats: ") or type(error).__name__
