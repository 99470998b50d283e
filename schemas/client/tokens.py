"""Where a client has its tokens from: one for good, a function that is asked, or svc.token."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from schemas.client.contract import Ask
from schemas.client.services import TOKEN_ISSUE
from schemas.token import IssueToken

_EARLY = 60.0
"""Seconds before its end that a token is replaced; for a short-lived one, a tenth of its life."""


@dataclass(frozen=True)
class ClientCredentials:
    """A client's id and secret, as `svc-user client add` gives them; tokens come from svc.token."""

    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    """Scopes to ask for, separated by spaces; all that the client has, if left out."""


TokenSource = str | Callable[[], str | Awaitable[str]] | ClientCredentials | None
"""A token; a function that gives one, asked before each request, so it should remember its own;
credentials; or None for the operations that need no token.
"""


class Tokens(Protocol):
    """Gives the token to send."""

    async def current(self) -> str | None:
        """The token for the next request."""

    def refused(self, token: str | None) -> None:
        """Take notice that the service does not trust this token, or no longer."""


class Given:
    """What the caller of the client gave: a token, or a function."""

    def __init__(self, source: str | Callable[[], str | Awaitable[str]] | None) -> None:
        self._source = source

    async def current(self) -> str | None:
        if not callable(self._source):
            return self._source
        given = self._source()
        return await given if inspect.isawaitable(given) else given

    def refused(self, token: str | None) -> None:
        """Nothing to do: a function is asked anew for each request."""


class Issued:
    """Tokens of svc.token, each kept until shortly before its end; asked for once at a time."""

    def __init__(self, credentials: ClientCredentials, ask: Ask) -> None:
        self._credentials = credentials
        self._ask = ask
        self._token: str | None = None
        self._good_until = 0.0
        self._asking = asyncio.Lock()

    async def current(self) -> str | None:
        async with self._asking:
            if self._token is None or time.monotonic() >= self._good_until:
                await self._renew()
            return self._token

    def refused(self, token: str | None) -> None:
        """Ask for another, unless that has happened meanwhile."""
        if token == self._token:
            self._token = None

    async def _renew(self) -> None:
        asked = time.monotonic()
        issued = (await self._ask(TOKEN_ISSUE, self._request())).body
        self._token = issued["access_token"]
        self._good_until = asked + issued["expires_in"] - min(_EARLY, issued["expires_in"] / 10)

    def _request(self) -> IssueToken:
        credentials = self._credentials
        scope = {} if credentials.scope is None else {"scope": credentials.scope}
        return IssueToken(
            grant_type="client_credentials",
            client_id=credentials.client_id,
            client_secret=credentials.client_secret,
            **scope,
        )
