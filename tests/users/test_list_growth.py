"""user.list of a partner that has grown: each page by an index, the last as cheap as the first.

`make growth` sets SVC_USER_TEST_USERS to a million; without it there are 20,000.
"""

import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from service.auth.scopes import ALL_SCOPES
from service.ids import new_id
from tests.client import Partner
from tests.deployment import Deployment, Document

COUNT = int(os.environ.get("SVC_USER_TEST_USERS", "20000"))
PAGE = 500
CHUNK = 5_000
MASKED = ALL_SCOPES - {"read:sensitive"}
TRIALS = 9
JITTER_SECONDS = 0.005
ENDS_OF_RANGES = 2
"""Keys that are looked at only to see that the active, or the inactive, have come to their end."""
DOMAIN = "0190a0a0-0000-7000-8000-000000000001"
BORN = datetime(2024, 1, 1, tzinfo=UTC)

pytestmark = [pytest.mark.timeout(max(120, COUNT / 500)), pytest.mark.alone]


@dataclass(frozen=True)
class Crowd:
    """A partner, and what its users have in common."""

    partner: Partner
    entity_id: str
    email: str
    phone_number: str
    ids: list[str]
    """By the numbers that say which group a user is in."""


@pytest.fixture(scope="module")
async def crowd(deployment: Deployment) -> AsyncIterator[Crowd]:
    """So many users: half of them of one entity, a tenth with one e-mail, a tenth with one phone.

    They are copies of one that was made in the ordinary way.
    """
    partner = Partner(deployment)
    first = await partner.user(await partner.entity())
    template = await deployment.database.users.find_one({"_id": first})
    assert template is not None
    await deployment.database.users.delete_one({"_id": first})
    crowd = Crowd(partner, template["entity_id"], "shared@example.com", "+27120000000", [])
    for start in range(0, COUNT, CHUNK):
        chunk = [copy_of(template, number, crowd) for number in range(start, start + CHUNK)]
        await deployment.database.users.insert_many(chunk, ordered=False)
        crowd.ids.extend(document["_id"] for document in chunk)
    await deployment.database.command({"profile": 2, "filter": {"ns": {"$regex": r"\.users$"}}})
    yield crowd
    await deployment.database.command({"profile": 0})


def of_entity(number: int) -> bool:
    return number % 2 == 0


def of_email(number: int) -> bool:
    return number % 10 == 1


def of_phone(number: int) -> bool:
    return number % 10 == 2


def of_domain(number: int) -> bool:
    # All users of an entity are of its domain.
    return of_entity(number) or number % 5 == 0


def is_active(number: int) -> bool:
    # Of those with one e-mail only one can be, and it comes last.
    return number == COUNT - 9 if of_email(number) else number % 4 != 0


def copy_of(template: Document, number: int, crowd: Crowd) -> Document:
    """One user of the crowd; which groups it is in, its number says."""
    email = crowd.email if of_email(number) else f"user.{number}@example.com"
    document = template | {
        "_id": new_id(BORN + timedelta(milliseconds=number)),
        "permit_number": None,  # a sealed one opens in its own document only
        "email": email,
        "email_key": email,
        "phone_number": crowd.phone_number if of_phone(number) else f"+2711{number:07}",
        "active": is_active(number),
        "outbox": [],
    }
    if not of_entity(number):
        document["entity_id"] = DOMAIN
    if of_domain(number):
        document["domain"] = DOMAIN
    return document


@dataclass(frozen=True)
class Listed:
    """A list, page by page."""

    ids: list[str]
    last_cursor: str | None


async def page(crowd: Crowd, token: str, request: Document) -> Any:
    reply = await crowd.partner.deployment.nats.request(
        crowd.partner.subject("user.list"),
        orjson.dumps(request),
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    body = orjson.loads(reply.data)
    assert "users" in body, body
    return body


async def listed(crowd: Crowd, token: str, request: Document) -> Listed:
    """All pages, one after the other; and the cursor that leads to the last full one."""
    ids: list[str] = []
    cursors: list[str | None] = [None]
    while True:
        found = await page(crowd, token, request | {"cursor": cursors[-1]})
        ids += [user["id"] for user in found["users"]]
        if found["next_cursor"] is None:
            return Listed(ids, cursors[-1])
        cursors.append(found["next_cursor"])


async def quickest(crowd: Crowd, token: str, request: Document) -> float:
    """Seconds that the page takes when nothing disturbs it."""
    taken = []
    for _ in range(TRIALS):
        began = time.perf_counter()
        await page(crowd, token, request)
        taken.append(time.perf_counter() - began)
    return min(taken)


async def last_query(crowd: Crowd) -> Document:
    """How MongoDB carried out the newest query for users, as `explain` tells it."""
    database = crowd.partner.deployment.database
    profiled = await database["system.profile"].find_one(
        {"command.find": "users", "command.filter.partner": crowd.partner.name},
        sort=[("$natural", -1)],
    )
    assert profiled is not None
    names = ("find", "filter", "sort", "limit", "hint", "projection")
    command = {name: profiled["command"][name] for name in names if name in profiled["command"]}
    explained: Document = await database.command(
        {"explain": command, "verbosity": "executionStats"}
    )
    return explained


def stages(plan: Document) -> list[str]:
    """The names of a plan's stages."""
    below = [plan[name] for name in ("inputStage", "outerStage", "innerStage") if name in plan]
    below += plan.get("inputStages", [])
    return [plan["stage"], *(name for each in below for name in stages(each))]


Group = tuple[list[str], Callable[[int], bool], str | None]
GROUPS: dict[str, Group] = {
    "partner": ([], lambda _: True, None),
    "entity": (["entity_id"], of_entity, None),
    "email": (["email"], of_email, None),
    "phone": (["phone_number"], of_phone, None),
    "domain": ([], of_domain, DOMAIN),
    "entity-of-domain": (["entity_id"], of_entity, DOMAIN),
}


@pytest.mark.parametrize("active", [None, True, False], ids=["all", "active", "inactive"])
@pytest.mark.parametrize(("filters", "group", "domain"), GROUPS.values(), ids=GROUPS)
async def test_pages(
    crowd: Crowd,
    filters: list[str],
    group: Callable[[int], bool],
    domain: str | None,
    active: bool | None,
) -> None:
    """Page by page everybody comes once; MongoDB reads what a page shows and hardly more."""
    token = crowd.partner.token(scopes=MASKED, domain=domain)
    request: Document = {name: getattr(crowd, name) for name in filters} | {"active": active}
    everybody = [
        id
        for number, id in enumerate(crowd.ids)
        if group(number) and active in {None, is_active(number)}
    ]
    walked = await listed(crowd, token, request | {"limit": PAGE})
    assert walked.ids == everybody

    last = request | {"limit": PAGE, "cursor": walked.last_cursor}
    shown = len((await page(crowd, token, last))["users"])
    explained = await last_query(crowd)
    plan, done = stages(explained["queryPlanner"]["winningPlan"]), explained["executionStats"]
    assert "IXSCAN" in plan
    assert not {"COLLSCAN", "SORT"} & set(plan)
    assert done["nReturned"] == done["totalDocsExamined"] == shown
    assert done["totalKeysExamined"] <= shown + ENDS_OF_RANGES

    first = await quickest(crowd, token, request | {"limit": shown})
    assert await quickest(crowd, token, last) < 2 * first + JITTER_SECONDS
