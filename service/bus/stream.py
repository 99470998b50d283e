"""The event stream, as those see it who look into it or take something out; the relay fills it."""

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from service.storage.outbox import version_in

OUT_OF_TURN = frozenset({10071, 10158, 10164})
"""The codes of a refusal that says that another publish of the aggregate was first.

A stream of one server has only the first of them. One with replicas has the others besides, while
the other publish, or the same one sent before, is on its way to them.
"""


class EventStream:
    """The stream of the domain events. Whoever asks, asks its leader: a direct get may be behind.

    Each method raises nats.errors.Error where nobody answers.
    """

    def __init__(self, jetstream: JetStreamContext, name: str) -> None:
        self._jetstream = jetstream
        self._name = name

    async def last(self, subjects: str) -> tuple[int, int]:
        """Sequence and version of the last event on these subjects; zeros for none."""
        try:
            message = await self._jetstream.get_last_msg(self._name, subjects)
        except NotFoundError:
            return 0, 0
        return message.seq or 0, version_in(message.data or b"{}")

    async def purge(self, subjects: str, before: int | None = None) -> None:
        """Remove the events on these subjects, all or those before this sequence."""
        try:
            await self._jetstream.purge_stream(self._name, seq=before, subject=subjects)
        except NotFoundError:
            return  # where there is no stream there is nothing in it


def subjects_of(service: str, partner: str, id: str) -> str:
    """All subjects of an aggregate's events; `*` for the service: of all aggregates of that id."""
    return f"evt.{service}.{partner}.{id}.>"
