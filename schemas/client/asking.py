"""One request: sent, repeated where that is safe, and never longer than its deadline."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.errors import (
    ConnectionClosedError,
    ConnectionDrainingError,
    MaxPayloadError,
    NoRespondersError,
    OutboundBufferLimitError,
)
from pydantic import ValidationError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_before_delay,
    wait_random_exponential,
)

from schemas.client.codes import BY_CODE, Overloaded, TooLarge
from schemas.client.contract import Operation, Repeat, Reply, ReplyT, RequestT
from schemas.client.refusals import (
    ClientError,
    CodedRefusals,
    NoAnswer,
    NotReached,
    Refusal,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    UnexpectedReply,
)
from schemas.client.tokens import Tokens
from schemas.heeding import heeding
from schemas.problem import FieldError, ProblemBody

_LOOK_EVERY = 0.02
_BACKOFF = wait_random_exponential(multiplier=0.1, max=2.0)
_REFUSALS = CodedRefusals(BY_CODE)

ExtraHeaders = Callable[[], Mapping[str, str]]


class Asking:
    """Asks on one connection, for one partner."""

    def __init__(
        self, nats: NatsClient, partner: str, patience: float, headers: ExtraHeaders | None
    ) -> None:
        self._nats = nats
        self._partner = partner
        self._patience = patience
        self._headers = headers

    async def ask(
        self,
        operation: Operation[RequestT, ReplyT],
        request: RequestT,
        tokens: Tokens | None,
        deadline: float,
        *,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> Reply[ReplyT]:
        """The reply, within `deadline` seconds.

        Raises: Refusal, NoAnswer, UnexpectedReply.
        """
        under_way = _UnderWay(
            operation,
            request.model_dump_json(exclude_unset=True).encode(),
            _fixed_headers(operation, idempotency_key, if_match),
            tokens,
            time.monotonic() + deadline,
        )
        # Past its deadline a request ends whatever it waits for, a function that makes tokens too.
        try:
            async with asyncio.timeout(deadline):
                async for attempt in under_way.attempts(deadline):
                    with attempt:
                        return _reply(operation, await self._attempt(under_way))
        except TimeoutError:
            pass
        except ClientError as error:
            raise under_way.outcome(error) from error.__cause__
        raise under_way.outcome(None)

    async def _attempt(self, request: "_UnderWay") -> Msg:
        """Send it once; once more with another token, where there is one and the first was bad."""
        tokens = request.tokens
        if tokens is None:
            return await self._send(request, None)
        token = await tokens.current()
        try:
            return await self._send(request, token)
        except Unauthorized:
            tokens.refused(token)
            another = await tokens.current()
            if another == token:
                raise
        return await self._send(request, another)

    async def _send(self, request: "_UnderWay", token: str | None) -> Msg:
        title = request.operation.title
        headers = {**(self._headers() if self._headers is not None else {}), **request.headers}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        await self._connected(request)
        seconds = min(self._patience, request.end - time.monotonic())
        subject = request.operation.subject(self._partner)
        request.unanswered = True
        try:
            with heeding():
                message = await self._nats.request(
                    subject, request.body, timeout=seconds, headers=headers
                )
        except TimeoutError as error:
            raise NoAnswer(f"{title}: no answer within {seconds:.3g} s") from error
        except NoRespondersError as error:
            request.unanswered = False
            raise NotReached(f"{title}: no worker listens") from error
        except (ConnectionClosedError, ConnectionDrainingError, OutboundBufferLimitError) as error:
            request.unanswered = False
            raise NotReached(f"{title}: not connected to NATS") from error
        except MaxPayloadError as error:
            raise _too_large() from error
        request.unanswered = False
        if message.headers and "Nats-Service-Error-Code" in message.headers:
            raise _REFUSALS.read(message.headers, message.data)
        return message

    async def _connected(self, request: "_UnderWay") -> None:
        """Wait until NATS is there: what is sent before goes out later, when nobody waits for it.

        Raises: NotReached.
        """
        end = min(request.end, time.monotonic() + self._patience)
        while not self._nats.is_connected:
            if self._nats.is_closed or time.monotonic() >= end:
                raise NotReached(f"{request.operation.title}: not connected to NATS")
            await asyncio.sleep(_LOOK_EVERY)


@dataclass
class _UnderWay:
    """A request on its way: what is the same in each attempt, and what they have come to."""

    operation: Operation[Any, Any]
    body: bytes
    headers: Mapping[str, str]
    tokens: Tokens | None
    end: float
    unanswered: bool = False
    """Whether the present attempt was sent, and not answered so far."""
    ever_unanswered: bool = False
    """Whether one before it was not, or was answered in a way that leaves open what happened."""
    last: ClientError | None = None

    def attempts(self, deadline: float) -> AsyncRetrying:
        """Attempts with pauses between, none of which would begin after the deadline."""
        return AsyncRetrying(
            retry=retry_if_exception(self._another),
            wait=_pause,
            stop=stop_before_delay(deadline),
            reraise=True,
        )

    def outcome(self, error: ClientError | None) -> ClientError:
        """What to raise at the end; no error of an attempt is the deadline's.

        Where the last attempt says nothing, what was heard before it says more.
        """
        open_still = self.unanswered or self.ever_unanswered
        if error is None or isinstance(error, NoAnswer):
            if isinstance(self.last, Refusal):
                error = self.last
            elif open_still:
                error = NoAnswer(f"{self.operation.title}: no answer in time")
            else:
                error = self.last or NotReached(f"{self.operation.title}: not sent in time")
        if isinstance(error, Refusal):
            error.perhaps_done = self.ever_unanswered
        return error

    def _another(self, error: BaseException) -> bool:
        if not isinstance(error, ClientError):
            return False
        self.last = error
        if isinstance(error, NotReached | TooManyRequests | Overloaded):
            return True
        unknown = isinstance(error, NoAnswer | ServiceUnavailable)
        self.ever_unanswered |= unknown
        return unknown and self._may_repeat

    @property
    def _may_repeat(self) -> bool:
        repeat = self.operation.repeat
        by_version = repeat is Repeat.BY_VERSION and "If-Match" in self.headers
        return by_version or repeat in {Repeat.ALWAYS, Repeat.BY_KEY}


def _pause(state: RetryCallState) -> float:
    """As long as the service said, at least; else a little longer each time, and never the same."""
    error = state.outcome.exception() if state.outcome is not None else None
    least = error.retry_after if isinstance(error, Refusal) else None
    return (least or 0.0) + _BACKOFF(state)


def _fixed_headers(
    operation: Operation[Any, Any], idempotency_key: str | None, if_match: int | None
) -> dict[str, str]:
    """The headers that are the same in each attempt."""
    headers = {"X-Request-Id": str(uuid4())}
    if operation.repeat is Repeat.BY_KEY:
        headers["Idempotency-Key"] = idempotency_key or str(uuid4())
    if if_match is not None:
        headers["If-Match"] = str(if_match)
    return headers


def _reply(operation: Operation[Any, ReplyT], message: Msg) -> Reply[ReplyT]:
    headers = message.headers or {}
    try:
        body = cast(ReplyT, operation.reply_type.validate_json(message.data))
        version = int(headers["ETag"]) if "ETag" in headers else None
    except (ValidationError, ValueError) as error:
        raise UnexpectedReply(f"{operation.title}: not a reply as the contract has it") from error
    return Reply(body, headers.get("X-Request-Id", ""), version, "Idempotency-Replayed" in headers)


def _too_large() -> TooLarge:
    """The refusal of what NATS itself does not take."""
    message = "The body is larger than this NATS server takes."
    error = FieldError(code="TOO_LARGE", message=message, path=None, arguments=[])
    return TooLarge(
        ProblemBody(
            type="about:blank",
            title="Bad Request",
            status=400,
            detail=message,
            instance="",
            errors=[error],
        )
    )
