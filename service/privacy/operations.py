"""The operations of svc.privacy."""

import asyncio
import re
from typing import Any

from schemas.base import CANONICAL_UUID
from schemas.membership import AccountAdminsChanged, MembershipRemoved
from schemas.privacy import (
    AccessLogPage,
    Erased,
    ErasePerson,
    Export,
    ExportPerson,
    History,
    IdentityErased,
    ReadAccessLog,
    ReadHistory,
    UserErased,
)
from schemas.problem import FieldError
from service.auth.scopes import CLIENTS, Scope
from service.call import Call
from service.identity.problems import PersonNotFound
from service.identity.resolver import find_person
from service.membership.problems import LastAdmin
from service.operation import Operations
from service.personal import Personhood
from service.privacy import changes
from service.privacy.erasing import begin
from service.privacy.exporting import access_view, read_export, sections_of
from service.privacy.held import PEOPLE
from service.privacy.problems import AggregateNotFound
from service.privacy.store import ERASURES
from service.problems import InvalidCursor, InvalidRequest
from service.storage.access import about
from service.storage.kind import ERASED_AT
from service.storage.pages import cut, from_cursor, place_in, place_of

operations = Operations("privacy")

_UUID = re.compile(CANONICAL_UUID)


@operations.query("history", scope=Scope.READ_AUDIT, refuses=[AggregateNotFound, InvalidCursor])
async def history(request: ReadHistory, call: Call) -> History:
    """List the changes of an aggregate in their order: which, when, by whom, and of what.

    A person's preferences are under the person's own id, so theirs stand beside the person's.
    """
    _check_id(call, request.aggregate_id)
    after = {}
    if request.cursor is not None:
        after = changes.place_from_bytes(place_in(call, request.cursor, changes.PLACE_BYTES))
    under = await call.storage.find_everywhere(request.aggregate_id, ("outbox",))
    if not any(call.reaches(document) for _, _, document in under):
        raise AggregateNotFound(path="aggregate_id")
    lines = await changes.find_changes(call, under, _wanted(request), after, request.limit + 1)
    page = cut(call, lines, request.limit, changes.entry_view, changes.place_to_bytes)
    return History(items=page.items, next_cursor=page.next_cursor)


@operations.query("access_log", scope=Scope.READ_AUDIT, refuses=[PersonNotFound, InvalidCursor])
async def access_log(request: ReadAccessLog, call: Call) -> AccessLogPage:
    """List who read a person's numbers unmasked, or exported all that is held on it."""
    person_id = (await find_person(call, request.person_id))["_id"]
    query = from_cursor(call, about(call.partner, person_id), request)
    found = await call.storage.access_log.find(query, request.limit + 1)
    page = cut(call, found, request.limit, lambda line: access_view(line, person_id), place_of)
    return AccessLogPage(items=page.items, next_cursor=page.next_cursor)


@operations.query(
    "export",
    scope=Scope.ADMIN_PRIVACY,
    open_to_own=True,
    refuses=[PersonNotFound, InvalidCursor],
)
async def export(request: ExportPerson, call: Call) -> Export:
    """Read all that is held on a person, section by section.

    Numbers are masked but for read:sensitive. A user's own token exports its own user without any
    scope. Each page is written down
    in the access log.
    """
    await find_person(call, request.person_id)
    page = await read_export(call, request)
    await call.storage.access_log.record(call, [request.person_id])
    return Export(sections=sections_of(request), items=page.items, next_cursor=page.next_cursor)


@operations.command(
    "erase",
    scope=Scope.ADMIN_PRIVACY,
    callers=CLIENTS,
    creates=ERASURES,
    key_required=True,
    emits=[UserErased, IdentityErased, AccountAdminsChanged, MembershipRemoved],
    refuses=[PersonNotFound, LastAdmin],
)
async def erase(request: ErasePerson, call: Call) -> Erased:
    """Forget a person: what is held on it goes, from the database, the event log and the stream.

    The id stays, and the event that tells of the erasure. A consumer's dependents and signers go
    with it. Who is erased already is not erased again.
    """
    personhood = await _personhood(call, request.person_id)
    person = await begin(call, personhood, request.person_id, request.reason, keeps_reply=True)
    await call.forget(request.person_id)
    call.etag = person["version"]
    return Erased(person_id=request.person_id, erased_at=person[ERASED_AT])


async def _personhood(call: Call, person_id: str) -> Personhood:
    """What sort of person it is, erased or not.

    Raises: PersonNotFound, Unavailable.
    """
    reads = [call.storage[each.kind].read(person_id, ("role",)) for each in PEOPLE]
    for personhood, person in zip(PEOPLE, await asyncio.gather(*reads), strict=True):
        if person is not None and call.reaches(person):
            return personhood
    raise PersonNotFound(path="person_id")


def _check_id(call: Call, aggregate_id: str) -> None:
    """Every aggregate has a UUID, but the partner itself.

    Raises: InvalidRequest.
    """
    if aggregate_id != call.partner and not _UUID.fullmatch(aggregate_id):
        message = "a UUID in canonical form is wanted, or the partner's own name"
        raise InvalidRequest(
            [FieldError(code="INVALID_FORMAT", message=message, path="aggregate_id", arguments=[])]
        )


def _wanted(request: ReadHistory) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    bounds = {"$gte": request.since, "$lt": request.until}
    if period := {name: moment for name, moment in bounds.items() if moment is not None}:
        wanted["at"] = period
    if request.type is not None:
        wanted["type"] = request.type
    return wanted
