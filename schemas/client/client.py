"""The client: a connection to NATS, and a partner's operations and events on it."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

from nats.aio.client import Client as NatsClient

from schemas.client.asking import Asking, ExtraHeaders
from schemas.client.contract import Operation, Reply, ReplyT, RequestT
from schemas.client.events import Events
from schemas.client.known_events import EventName
from schemas.client.received import UnreadableEvent
from schemas.client.refusals import NotReached
from schemas.client.services import Services
from schemas.client.tokens import ClientCredentials, Given, Issued, Tokens, TokenSource
from schemas.client.wanted import Since, Wanted

log = logging.getLogger(__name__)

_PARTNER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_DURABLE = re.compile(r"[A-Za-z0-9_+-]{1,129}", re.ASCII)


class Client(Services):
    """One partner's way to svc-user: `client.user.create(CreateUser(...))`.

    A request is repeated until its deadline where that is safe: a query always, a create by an
    Idempotency-Key, a change under If-Match; anything where it was certainly not carried out.
    """

    def __init__(
        self,
        connection: NatsClient,
        partner: str,
        token: TokenSource = None,
        *,
        deadline: float = 10.0,
        patience: float = 4.0,
        headers: ExtraHeaders | None = None,
        jetstream_domain: str | None = None,
    ) -> None:
        """`deadline` is a request's in all, `patience` that of one attempt; both in seconds.

        `headers` is asked for further headers of each attempt, a trace's for example. With
        credentials as `svc-user nats-config` writes them, `jetstream_domain` is `svc-user`, and the
        readers of events are those that were made for the partner.

        Raises: ValueError: no partner is called like this.
        """
        if not _PARTNER.fullmatch(partner):
            raise ValueError("a partner is 1 to 64 of A-Z a-z 0-9 _ -")
        super().__init__(self.ask)
        self.connection = connection
        self.partner = partner
        self._deadline = deadline
        self._domain = jetstream_domain
        self._asking = Asking(connection, partner, patience, headers)
        self._tokens: Tokens = (
            Issued(token, self.ask) if isinstance(token, ClientCredentials) else Given(token)
        )

    @classmethod
    @asynccontextmanager
    async def connected(
        cls,
        servers: str | list[str],
        partner: str,
        token: TokenSource = None,
        *,
        deadline: float = 10.0,
        patience: float = 4.0,
        headers: ExtraHeaders | None = None,
        jetstream_domain: str | None = None,
        **options: Any,
    ) -> AsyncIterator[Self]:
        """A client on a connection of its own, which goes on connecting for as long as it lives.

        But the first time it is to be connected within `deadline` seconds. The options are
        nats-py's: credentials, TLS, callbacks.

        Raises: NotReached.
        """
        usual: dict[str, Any] = {
            "name": f"svc-user client of {partner}",
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": 0.25,
            "error_cb": _log,
        }
        connection = NatsClient()
        try:
            try:
                async with asyncio.timeout(deadline):
                    await connection.connect(servers, **usual | options)
            except TimeoutError as error:
                raise NotReached(f"not connected to NATS within {deadline:g} s") from error
            yield cls(
                connection,
                partner,
                token,
                deadline=deadline,
                patience=patience,
                headers=headers,
                jetstream_domain=jetstream_domain,
            )
        finally:
            await connection.close()

    async def ask(
        self,
        operation: Operation[RequestT, ReplyT],
        request: RequestT,
        *,
        idempotency_key: str | None = None,
        if_match: int | None = None,
        deadline: float | None = None,
    ) -> Reply[ReplyT]:
        """Ask for any operation of `schemas.client.services`; the reply with its version.

        Raises: Refusal, NoAnswer, UnexpectedReply.
        """
        return await self._asking.ask(
            operation,
            request,
            None if operation.public else self._tokens,
            self._deadline if deadline is None else deadline,
            idempotency_key=idempotency_key,
            if_match=if_match,
        )

    def events(
        self,
        durable: str,
        *types: EventName,
        partner: str | None = None,
        aggregate: str | None = None,
        since: Since = "start",
        takeover: float = 10.0,
        unreadable: Callable[[UnreadableEvent], object] | None = None,
    ) -> Events:
        """The events of these types, of all types if none is named, for the reader `durable`.

            async with client.events("billing", "user.created") as events:
                async for event in events: ...

        `partner` may be `*`, where the connection's rights reach so far. Readers of all partners
        share their names: one that reads another's events cannot be opened. `since` is where a
        reader begins that there has not been before. `takeover` is the seconds after which the
        event of a process that died is given to another; of a reader that was made for the partner,
        these two are as it was made. What cannot be read ends the iteration, unless `unreadable` is
        given: it is told, and the event is left out.

        Raises: ValueError: no durable consumer, or no partner, is called like this.
        """
        of = self.partner if partner is None else partner
        if not _DURABLE.fullmatch(durable) or not (of == "*" or _PARTNER.fullmatch(of)):
            raise ValueError("a durable and a partner are 1 to 64 of A-Z a-z 0-9 _ -")
        wanted = Wanted(
            durable,
            of,
            frozenset(types),
            aggregate,
            since,
            takeover,
            given=self._domain is not None,
            unreadable=unreadable,
        )
        jetstream = self.connection.jetstream(domain=self._domain)
        return Events(self.connection, jetstream, wanted)


async def _log(error: Exception) -> None:
    """Say in a line what nats-py would say with a traceback, each time that it does not connect."""
    log.warning("NATS: %s %s", type(error).__name__, error)
