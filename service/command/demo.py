"""`svc-user demo`: a tour of the service on a `svc-user dev` that runs."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import orjson
import typer
from nats.aio.client import Client
from nats.aio.msg import Msg
from rich.console import Console

from service.command.asking import REFUSED, ask, is_refusal, subject_of
from service.command.failure import NoAnswer
from service.command.guest import Guest
from service.command.options import DataDir, Partner
from service.command.place import DEFAULT_FOLDER, option_for, settings_on
from service.command.reach import nats_client
from service.command.running import run_until_told
from service.command.stage import Scene, scene
from service.command.token import Bearer
from service.command.tour import TOUR, Step
from service.command.watch import Follower, last_sequence
from service.settings import Settings

_PATIENCE = 10.0
_SHORTEST_LOOK = 1.5
_LONGEST_LOOK = 8.0
_READ_IN_A_SECOND = 220
"""Letters, most of which the eye passes over."""

Fast = Annotated[bool, typer.Option("--fast", help="Without pauses to read in.")]


def demo(partner: Partner = "demo", fast: Fast = False, data_dir: DataDir = DEFAULT_FOLDER) -> None:
    """Take a tour: each request with its reply, and the events beside it as they arrive.

    An administrator, employers, a personal entity, users, a household, an account with members,
    preferences. It needs a `svc-user dev` (or a worker that the settings lead to), and leaves what
    it makes there; each time it makes anew. Ctrl-C ends it.

    Exit status: 1 when a step is refused, 3 when nobody answers or an event does not come.
    """
    settings = settings_on(data_dir, "nats_url")
    guide = _Guide(partner, data_dir, fast)
    run_until_told(guide.lead(settings))
    if guide.refused:
        typer.echo(f"svc-user: {guide.refused}", err=True)
        raise typer.Exit(REFUSED)


class _Events:
    """The events of a partner, kept until the request that caused them asks for them."""

    def __init__(self, follower: Follower, client: Client) -> None:
        self._messages = follower.messages(client)
        self._waiting: dict[str, asyncio.Queue[Msg]] = {}

    def expect(self, request_id: str) -> asyncio.Queue[Msg]:
        """Where the events that a request causes will be."""
        return self._waiting.setdefault(request_id, asyncio.Queue())

    async def sort(self) -> None:
        """Sort them as they come, for ever; what others cause is let go."""
        async for message in self._messages:
            waiting = self._waiting.get(orjson.loads(message.data)["requestid"])
            if waiting is not None:
                waiting.put_nowait(message)


class _Guide:
    """Leads through the tour."""

    def __init__(self, partner: str, folder: Path, fast: bool) -> None:
        self.refused = ""
        self._partner = partner
        self._folder = folder
        self._fast = fast
        self._console = Console(highlight=False)
        self._guest = Guest(user_token=self._user_token)

    def _user_token(self, user_id: str | None) -> str:
        return Bearer(self._partner, None, user_id, None, None).token(self._folder)

    async def lead(self, settings: Settings) -> None:
        """Go through the steps, to the end or to the first that is refused.

        Raises: NoAnswer; Failure.
        """
        async with nats_client(settings) as client:
            follower = Follower(
                f"evt.*.{self._partner}.*.*", after=await last_sequence(client.jetstream())
            )
            events = _Events(follower, client)
            sorting = asyncio.create_task(events.sort())
            try:
                for number, step in enumerate(TOUR, 1):
                    if self.refused:
                        return
                    with scene(self._console, f"{number}/{len(TOUR)}  {step.says}") as shown:
                        await self._take(step, client, events, shown)
            finally:
                sorting.cancel()
                await asyncio.gather(sorting, return_exceptions=True)
        place = option_for(self._folder)
        for command in ("tree", "watch --from-start"):
            typer.echo(f"Look again: svc-user {command} --partner {self._partner}{place}")

    async def _take(self, step: Step, client: Client, events: _Events, shown: Scene) -> None:
        request_id, body = str(uuid4()), step.body(self._guest)
        waiting = events.expect(request_id)
        headers = step.headers(self._guest)
        shown.asked(subject_of(step.title, self._partner), headers, body)
        began = time.perf_counter()
        reply = await self._asked(step, client, body, headers | {"X-Request-Id": request_id})
        took = time.perf_counter() - began
        answer = orjson.loads(reply.data)
        shown.answered(answer, _note(reply, took), refused=is_refusal(reply))
        if is_refusal(reply):
            self.refused = f"{step.title} was refused: {answer['detail']}"
            return
        self._guest.kept |= {name: find(answer) for name, find in step.keeps.items()}
        await _show_events(step, waiting, shown)
        await self._let_read(reply.data)

    async def _asked(self, step: Step, client: Client, body: Any, headers: dict[str, str]) -> Msg:
        who = None if step.asks_as is None else self._guest[step.asks_as]
        headers["Authorization"] = f"Bearer {self._user_token(who)}"
        payload = orjson.dumps(body)
        return await ask(client, self._partner, step.title, payload, headers, _PATIENCE)

    async def _let_read(self, reply: bytes) -> None:
        if not self._fast:
            seconds = len(reply) / _READ_IN_A_SECOND
            await asyncio.sleep(min(max(_SHORTEST_LOOK, seconds), _LONGEST_LOOK))


async def _show_events(step: Step, waiting: "asyncio.Queue[Msg]", shown: Scene) -> None:
    """Show what the step has caused, once all of it has come.

    Raises: NoAnswer.
    """
    missing = Counter(step.events)
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            while +missing:
                event = await waiting.get()
                missing[orjson.loads(event.data)["type"]] -= 1
                shown.happened(event)
    if +missing:
        raise NoAnswer(
            f"{step.title} was carried out, but {', '.join(+missing)} did not come within "
            f"{_PATIENCE:g} s: `svc-user doctor` tells what is wrong."
        )


def _note(reply: Msg, seconds: float) -> str:
    """What the headers say, and how long it took."""
    headers = reply.headers or {}
    told = [headers.get("Nats-Service-Error", "done")]
    told += [f"{name} {headers[name]}" for name in ("ETag",) if name in headers]
    told += ["Idempotency-Replayed"] if "Idempotency-Replayed" in headers else []
    return f"{', '.join(told)}, {seconds * 1_000:.0f} ms"
