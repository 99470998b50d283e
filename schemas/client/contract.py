"""What an operation is to a caller: its subject, its types, and when it is safe to repeat."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from pydantic import TypeAdapter

from schemas.base import Page, PageRequest, Request

RequestT = TypeVar("RequestT", bound=Request)
RequestT_contra = TypeVar("RequestT_contra", bound=Request, contravariant=True)
ReplyT = TypeVar("ReplyT")
ReplyT_co = TypeVar("ReplyT_co", covariant=True)
PageRequestT = TypeVar("PageRequestT", bound=PageRequest)
PageT = TypeVar("PageT", bound=Page)


class Repeat(Enum):
    """When a request may be sent again although the attempt before it may have been carried out."""

    ALWAYS = "a query"
    BY_KEY = "a create: its Idempotency-Key keeps it from happening twice"
    BY_VERSION = "a change: only under If-Match, which it no longer meets once carried out"
    NEVER = "neither: only where it was certainly not carried out"


@dataclass(frozen=True)
class Operation(Generic[RequestT_contra, ReplyT_co]):
    """One operation of the contract, as `Client.ask` takes it."""

    service: str
    name: str
    reply: Any
    """The TypedDict of the reply."""
    repeat: Repeat
    public: bool = False
    """Whether it needs no token."""

    @property
    def title(self) -> str:
        """`user.create`."""
        return f"{self.service}.{self.name}"

    def subject(self, partner: str) -> str:
        """The subject to ask on."""
        return f"svc.{self.service}.{partner}.{self.name}"

    @cached_property
    def reply_type(self) -> TypeAdapter[Any]:
        """Reads a reply; made when the first one comes."""
        return TypeAdapter(self.reply)


@dataclass(frozen=True, slots=True)
class Reply(Generic[ReplyT]):
    """A reply with what its headers say."""

    body: ReplyT
    request_id: str
    version: int | None
    """The version of the aggregate that the reply is about (`ETag`); what If-Match wants."""
    replayed: bool
    """Whether this is the reply to an earlier request with the same Idempotency-Key."""


class Ask(Protocol):
    """Asks, and repeats where that is safe: `Client.ask`."""

    async def __call__(
        self,
        operation: Operation[RequestT, ReplyT],
        request: RequestT,
        *,
        idempotency_key: str | None = None,
        if_match: int | None = None,
        deadline: float | None = None,
    ) -> Reply[ReplyT]: ...


async def pages(
    ask: Ask,
    operation: Operation[PageRequestT, PageT],
    request: PageRequestT,
    deadline: float | None,
) -> AsyncIterator[PageT]:
    """Each page of a list, from the one that the request asks for; the deadline is a page's."""
    while True:
        page = (await ask(operation, request, deadline=deadline)).body
        yield page
        cursor = page["next_cursor"]
        if cursor is None:
            return
        request = request.model_copy(update={"cursor": cursor})
