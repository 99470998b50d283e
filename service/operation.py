"""What an operation is, and how a domain declares one.

    operations = Operations("user")

    @operations.command("create", scope=Scope.WRITE_USER, emits=[UserCreated])
    async def create(request: CreateUser, call: Call) -> UserReference:
        \"\"\"Create a user of a business entity.\"\"\"

The decorator says the subject, the scope and the events; request and reply come from the
annotations; the docstring is the description in `$SRV.INFO`, the catalogue and
`svc-user operations`. The function comes back unchanged.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeVar, get_type_hints

from schemas.base import Request
from schemas.event import EventType
from service.auth.scopes import ANYONE, Scope, TokenUse
from service.call import Call
from service.problems import (
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    MissingScope,
    ModuleNotEnabled,
    Problem,
    VersionConflict,
    WrongTokenKind,
)
from service.storage.kind import Kind

Handler = Callable[[Any, Call], Awaitable[Any]]
HandlerT = TypeVar("HandlerT", bound=Callable[..., Awaitable[Any]])

Public = Literal["public"]
"""In the place of a scope: no token is asked for, the request itself says who asks."""

ByRole = Literal["by role"]
"""In the place of a scope: a token is required, and a rule of the domain decides."""


class Module(StrEnum):
    """A part of the service that can be off for a domain; on until somebody sets it."""

    IDENTITY = "IDENTITY"
    NOTIFICATIONS = "NOTIFICATIONS"
    MEMBERSHIP = "MEMBERSHIP"
    VERIFICATION = "VERIFICATION"


@dataclass(frozen=True, slots=True)
class Operation:
    """One request-reply operation of the contract."""

    service: str
    module: Module | None
    """The module it is part of; None for what cannot be off."""
    name: str
    kind: Literal["command", "query"]
    handler: Handler
    request: type[Request]
    reply: Any
    """A TypedDict: what the handler gives, written to JSON as it is."""
    scope: Scope | Public | ByRole
    besides: tuple[Scope, ...]
    """Scopes that are required as well."""
    callers: frozenset[TokenUse]
    emits: tuple[EventType, ...]
    refuses: tuple[type[Problem], ...]
    creates: Kind | None
    """The kind of aggregate that the first reply is kept with, under its Idempotency-Key."""
    key_required: bool
    versioned: bool
    """Whether If-Match is obeyed: the operation changes one existing aggregate."""
    throttled: str | None
    """The name of a rate limit of its own, apart from the partner's."""
    open_to_own: bool
    """Whether a user's own token needs no scope: it reaches nothing but its own data."""

    @property
    def subject(self) -> str:
        """The subject that workers subscribe to, with `*` in the partner's place."""
        return f"svc.{self.service}.*.{self.name}"

    @property
    def title(self) -> str:
        """`user.create`: the name on the command line, in logs and metrics."""
        return f"{self.service}.{self.name}"

    @property
    def rights(self) -> str:
        """The scope, and what is required besides: as the catalogue and `$SRV.INFO` tell it."""
        rights = " ".join((self.scope, *self.besides))
        return f"{rights}, or one's own token" if self.open_to_own else rights

    @property
    def description(self) -> str:
        """The handler's docstring."""
        return inspect.getdoc(self.handler) or ""


class Operations:
    """The operations of one service, in the order in which they are declared."""

    def __init__(self, service: str, module: Module | None = None) -> None:
        self.service = service
        self.module = module
        self._operations: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations)

    def command(
        self,
        name: str,
        *,
        scope: Scope | Public | ByRole,
        emits: Sequence[EventType],
        refuses: Sequence[type[Problem]] = (),
        callers: frozenset[TokenUse] = ANYONE,
        creates: Kind | None = None,
        key_required: bool = False,
        versioned: bool = False,
    ) -> Callable[[HandlerT], HandlerT]:
        """Declare an operation that may change something, and tells so by `emits`."""

        def declare(handler: HandlerT) -> HandlerT:
            self._add(
                name,
                "command",
                handler,
                scope=scope,
                besides=(),
                emits=tuple(emits),
                refuses=tuple(refuses),
                callers=callers,
                creates=creates,
                key_required=key_required,
                versioned=versioned,
                throttled=None,
                open_to_own=False,
            )
            return handler

        return declare

    def query(
        self,
        name: str,
        *,
        scope: Scope | Public | ByRole,
        besides: Sequence[Scope] = (),
        refuses: Sequence[type[Problem]] = (),
        callers: frozenset[TokenUse] = ANYONE,
        throttled: str | None = None,
        open_to_own: bool = False,
    ) -> Callable[[HandlerT], HandlerT]:
        """Declare an operation that changes nothing."""

        def declare(handler: HandlerT) -> HandlerT:
            self._add(
                name,
                "query",
                handler,
                scope=scope,
                besides=tuple(besides),
                emits=(),
                refuses=tuple(refuses),
                callers=callers,
                creates=None,
                key_required=False,
                versioned=False,
                throttled=throttled,
                open_to_own=open_to_own,
            )
            return handler

        return declare

    def _add(
        self,
        name: str,
        kind: Literal["command", "query"],
        handler: Callable[..., Awaitable[Any]],
        *,
        refuses: tuple[type[Problem], ...],
        **rest: Any,
    ) -> None:
        request, _call, reply = get_type_hints(handler).values()
        if not (isinstance(request, type) and issubclass(request, Request)):
            raise TypeError(f"{self.service}.{name}: the request must be a schemas.base.Request")
        if not inspect.getdoc(handler):
            raise TypeError(f"{self.service}.{name}: the docstring is its description; write one")
        self._operations.append(
            Operation(
                service=self.service,
                module=self.module,
                name=name,
                kind=kind,
                handler=handler,
                request=request,
                reply=reply,
                refuses=_implied(refuses, self.module, rest),
                **rest,
            )
        )


def _implied(
    refuses: tuple[type[Problem], ...], module: Module | None, options: dict[str, Any]
) -> tuple[type[Problem], ...]:
    """The refusals of the handler and those that the dispatcher gives for the options."""
    implied: list[type[Problem]] = []
    if options["scope"] != "public":
        implied += [WrongTokenKind] if options["callers"] != ANYONE else []
        implied += [MissingScope] if options["scope"] != "by role" else []
    implied += [ModuleNotEnabled] if module is not None else []
    implied += [IdempotencyKeyRequired] if options["key_required"] else []
    implied += [IdempotencyKeyReused] if options["creates"] else []
    implied += [VersionConflict] if options["versioned"] else []
    return (*refuses, *implied)
