"""From bytes to bytes: headers → token → scope → model → handler → reply. Always an answer."""

import asyncio
import re
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import structlog
from pydantic import ValidationError

from service.auth.scopes import CLIENTS
from service.bus.headers import Headers
from service.bus.limit import TimeLimit
from service.bus.rates import Rates
from service.call import NOBODY, Call, Caller, Forget, leave_to_a_sweep, to_the_millisecond
from service.operation import Module, Operation
from service.partners.modules import is_on
from service.preference.catalogue import Catalogue
from service.problems import (
    IdempotencyKeyRequired,
    Internal,
    InvalidHeader,
    InvalidSubject,
    MissingScope,
    ModuleNotEnabled,
    Problem,
    RateLimited,
    ReplyTooLarge,
    TooLarge,
    Unavailable,
    WrongPartner,
    WrongTokenKind,
)
from service.refusals import invalid_request
from service.storage.aggregates import Aggregates
from service.storage.replies import KeptReply, KeyTaken
from service.storage.storage import Storage
from service.tokens.authority import Authority
from service.tracing import REQUEST
from service.wire import to_json

log = structlog.get_logger()

LARGEST = 256 * 1024
"""Bytes of a request's body at most."""

LONGEST = 2.2
"""Seconds that a request may take. Each call of the database has a limit of its own, but a request
makes several, and may wait for those of others before it.
"""

PARTNER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""What a partner is called."""

_HEADER_ROOM = 512


def max_body(max_payload: int) -> int:
    """Bytes that a body may have where a message may have so many in all."""
    return max_payload - _HEADER_ROOM


@dataclass(slots=True)
class Answer:
    """What goes back to the caller."""

    request_id: str
    headers: bytes
    body: bytes
    status: int = 200
    code: str | None = None
    caller: Caller = NOBODY


class Dispatcher:
    """Carries out one request at a time, as often at once as it is asked to."""

    def __init__(
        self,
        storage: Storage,
        authority: Authority,
        rates: Rates,
        clock: Callable[[], datetime],
        max_payload: Callable[[], int],
        catalogue: Catalogue,
        forget: Forget = leave_to_a_sweep,
    ) -> None:
        self._storage = storage
        self._authority = authority
        self._verifier = authority.verifier
        self._rates = rates
        self._clock = clock
        self._max_payload = max_payload
        self._catalogue = catalogue
        self._limit = TimeLimit(LONGEST)
        self._forget = forget

    async def answer(
        self,
        operation: Operation,
        subject: bytes,
        header_block: bytes,
        body: bytes,
        trace: dict[str, str] | None = None,
    ) -> Answer:
        """Carry out a request. Never raises: whatever goes wrong is an answer too.

        `trace` is the trace context to go on with, where it is not that of the headers.
        """
        headers = Headers.read(header_block)
        request_id = headers.request_id()
        trace = headers.trace() if trace is None else trace
        REQUEST.set((request_id, trace))
        caller = NOBODY
        task = self._limit.begin()
        try:
            partner = self._admitted(operation, subject, headers, body)
            moment = self._clock()
            if operation.scope != "public":
                caller = await self._verifier.caller_of(headers.token(), moment.timestamp())
                _refuse_without_right(operation, partner, caller)
            if operation.module is not None:
                await self._refuse_disabled(operation.module, partner, caller)
            request = _validated(operation, body)
            call = self._call(operation, partner, caller, request_id, moment, headers, trace)
            return await self._carried_out(operation, request, call)
        except Problem as problem:
            return refusal(problem, request_id, caller)
        except asyncio.CancelledError:
            if not self._limit.cancelled(task):
                raise
            return refusal(Unavailable(), request_id, caller)
        except Exception as error:  # noqa: BLE001  # everything is answered
            _log_defect(operation, request_id, error)
            return refusal(Internal(), request_id, caller)
        finally:
            self._limit.end(task)

    def _admitted(self, operation: Operation, subject: bytes, headers: Headers, body: bytes) -> str:
        """The partner of a request that is worth a look at its token."""
        partner = partner_in(subject)
        if wait := self._rates.wait(partner, operation.throttled, time.monotonic()):
            raise RateLimited(retry_after=wait)
        if partner is None:
            raise InvalidSubject
        if headers.malformed:
            raise InvalidHeader
        if len(body) > LARGEST:
            raise TooLarge
        return partner

    async def _refuse_disabled(self, module: Module, partner: str, caller: Caller) -> None:
        if not await is_on(self._storage, partner, caller.domain, module):
            raise ModuleNotEnabled(arguments=[module])

    def _call(
        self,
        operation: Operation,
        partner: str,
        caller: Caller,
        request_id: str,
        now: datetime,
        headers: Headers,
        trace: dict[str, str],
    ) -> Call:
        call = Call(
            operation=operation.title,
            partner=partner,
            caller=caller,
            request_id=request_id,
            now=to_the_millisecond(now),
            storage=self._storage,
            authority=self._authority,
            catalogue=self._catalogue,
            max_reply=max_body(self._max_payload()),
            trace=trace,
            forget=self._forget,
        )
        if operation.creates is not None:
            call.idempotency_key = headers.idempotency_key()
            if call.idempotency_key is None and operation.key_required:
                raise IdempotencyKeyRequired(path="Idempotency-Key")
        if operation.versioned:
            call.if_match = headers.if_match()
        return call

    async def _carried_out(self, operation: Operation, request: Any, call: Call) -> Answer:
        if call.idempotency_key is not None and operation.creates is not None:
            call.fingerprint = self._fingerprint(request, call.caller)
            return await self._once(operation, self._storage[operation.creates], request, call)
        answer = _reply(call, await operation.handler(request, call))
        if len(answer.body) > call.max_reply and ReplyTooLarge in operation.refuses:
            raise ReplyTooLarge
        return answer

    async def _once(
        self, operation: Operation, aggregates: Aggregates, request: Any, call: Call
    ) -> Answer:
        """Carry out a request with an Idempotency-Key, or repeat the reply it had before."""
        kept = await aggregates.replies.kept(call)
        if kept is None:
            try:
                return _reply(call, await operation.handler(request, call))
            except (KeyTaken, Problem) as refused:
                # What stands in its way may be what the same request has just made elsewhere.
                conflict = isinstance(refused, KeyTaken) or refused.status == HTTPStatus.CONFLICT
                kept = await aggregates.replies.kept(call) if conflict else None
                if kept is None:
                    raise
        return _replayed(call, kept)

    def _fingerprint(self, request: Any, caller: Caller) -> bytes:
        validated = request.model_dump_json(exclude_none=True)
        return self._storage.sealer.keyed_hash(f"{caller.rights}\n{validated}".encode())


@lru_cache(maxsize=10_000)
def partner_in(subject: bytes) -> str | None:
    """The partner that the subject names, or None where it is not one."""
    try:
        partner = subject.split(b".")[2].decode("ascii")
    except (IndexError, UnicodeDecodeError):
        return None
    return partner if PARTNER.fullmatch(partner) else None


def refusal(problem: Problem, request_id: str, caller: Caller = NOBODY) -> Answer:
    """A refusal as NATS services give it (ADR-32), with an RFC 9457 body."""
    errors = problem.errors()
    line = f"{problem.status} {errors[0]['code']}: {problem.detail}"
    headers = (
        f"X-Request-Id: {request_id}\r\n"
        f"Nats-Service-Error: {line}\r\n"
        f"Nats-Service-Error-Code: {problem.status}\r\n"
    )
    if problem.status in (429, 503):
        headers += f"Retry-After: {problem.retry_after or 1}\r\n"
    body = to_json(problem.body(request_id))
    return Answer(request_id, headers.encode(), body, problem.status, errors[0]["code"], caller)


def _refuse_without_right(operation: Operation, partner: str, caller: Caller) -> None:
    """Raises: WrongPartner, WrongTokenKind, MissingScope."""
    if not caller.may_ask_for(partner):
        raise WrongPartner
    if caller.use not in operation.callers:
        wanted = "client's" if operation.callers == CLIENTS else "user's own"
        raise WrongTokenKind(f"{WrongTokenKind.detail} It takes a {wanted} token.")
    if operation.open_to_own and caller.own_id is not None:
        return
    if operation.scope != "by role" and operation.scope not in caller.scopes:
        raise MissingScope(arguments=[operation.scope])
    for scope in operation.besides:
        if scope not in caller.scopes:
            raise MissingScope(arguments=[scope])


def _validated(operation: Operation, body: bytes) -> Any:
    try:
        return operation.request.__pydantic_validator__.validate_json(body or b"{}")
    except ValidationError as error:
        raise invalid_request(error, body) from None


def _reply(call: Call, reply: Any) -> Answer:
    headers = f"X-Request-Id: {call.request_id}\r\n"
    if call.etag is not None:
        headers += f"ETag: {call.etag}\r\n"
    return Answer(call.request_id, headers.encode(), to_json(reply), caller=call.caller)


def _replayed(call: Call, kept: KeptReply) -> Answer:
    headers = (
        f"X-Request-Id: {call.request_id}\r\nETag: {kept.etag}\r\nIdempotency-Replayed: true\r\n"
    )
    return Answer(call.request_id, headers.encode(), kept.body, caller=call.caller)


def _log_defect(operation: Operation, request_id: str, error: Exception) -> None:
    """Log where it happened. The error's text stays out: it may hold what the caller sent."""
    frames = traceback.extract_tb(error.__traceback__)
    log.error(
        "defect",
        operation=operation.title,
        request_id=request_id,
        error=type(error).__name__,
        at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )
