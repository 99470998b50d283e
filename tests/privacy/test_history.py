"""history: every change of an aggregate, in its order, whoever has told of it already."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.client import Partner
from tests.deployment import Deploy
from tests.eventually import eventually
from tests.privacy.people import OPTED_OUT


async def history(partner: Partner, aggregate_id: str, **fields: Any) -> list[dict[str, Any]]:
    """All of it, page by page."""
    items, cursor = [], None
    while True:
        body: dict[str, Any] = (
            {"aggregate_id": aggregate_id} | fields | ({"cursor": cursor} if cursor else {})
        )
        page = (await partner.ask("privacy.history", body)).done
        assert len(page["items"]) <= fields.get("limit", 100)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


async def changed_user(partner: Partner, changes: int) -> str:
    """A user that was changed so often."""
    id = await partner.user()
    for number in range(changes):
        body = {"user_id": id, "title": f"Title {number}"}
        assert (await partner.ask("user.update", body, x_request_id=f"request-{number}")).done
    return id


async def test_every_change_is_told_as_the_stream_tells_it(partner: Partner) -> None:
    """Which event, when, by whom, under which request, and what; at once."""
    id = await changed_user(partner, 5)
    found = await history(partner, id)
    events = await partner.events(id, 6)
    assert [each["event_id"] for each in found] == [event["id"] for event in events]
    for line, event in zip(found, events, strict=True):
        assert line["type"] == event["type"]
        assert line["version"] == event["aggregateversion"]
        assert line["time"][:19] == event["time"][:19]
        assert line["actor"] == event["actor"] == "tests"
        assert line["request_id"] == event["requestid"]
        assert line["changed"] == event["data"]["changed"]
    assert found[3]["request_id"] == "request-2"


async def test_a_partner_called_as_the_user_of_another(deploy: Deploy) -> None:
    """It reads its own history under that name, and nothing of what waits in the user's outbox."""
    deployment = await deploy(1, sweep_seconds=3_600)
    theirs = Partner(deployment)
    id = await theirs.user()
    [event] = await theirs.events(id, 1)
    database = deployment.database
    line = await eventually(lambda: database["events"].find_one({"_id": event["id"]}))
    assert line is not None
    waiting = {**line, "id": line["_id"]}
    await database["users"].update_one({"_id": id}, {"$push": {"outbox": waiting}})
    assert [each["event_id"] for each in await history(theirs, id)] == [event["id"]]

    partner = Partner(deployment, id)
    switched = await partner.ask("administrator.set_modules", {"modules": {"MEMBERSHIP": False}})
    assert switched.done
    [told] = await history(partner, id)
    assert told["event_id"] != event["id"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_hold_each_change_once(partner: Partner, limit: int) -> None:
    """Also of an id that a user shares with its preferences, whose changes stand between."""
    id = await changed_user(partner, 2)
    for opted_in in (True, False, True):
        items = [
            {
                "category": "CLAIMS",
                "preferences": [
                    {
                        "notification_preference_type": "CLAIM_CONFIRMATION",
                        "configurations": [
                            {"communication_delivery_type": "SMS", "opted_in": opted_in}
                        ],
                    }
                ],
            }
        ]
        assert (await partner.ask("preference.put", {"person_id": id, "items": items})).done
    assert (await partner.ask("user.update", {"user_id": id, "title": "Last"})).done
    whole = await history(partner, id)
    assert await history(partner, id, limit=limit) == whole
    told = [(each["type"], each["version"]) for each in whole]
    users = [("user.created", 1), ("user.updated", 2), ("user.updated", 3)]
    preferences = [("preference.internal_changed", version) for version in (1, 2)]
    # The first put wished for nothing that was not so already.
    assert told[:3] == users
    assert told[-1] == ("user.updated", 4)
    assert told[3:5] == preferences


async def test_filters_combine(partner: Partner) -> None:
    """From a moment on, before another, of one type."""
    id = await changed_user(partner, 3)
    times: dict[int, datetime] = {}

    async def all_logged() -> bool:
        found = partner.deployment.database["events"].find({"aggregate_id": id})
        times.update({each["version"]: each["at"] async for each in found})
        return len(times) == 4

    await eventually(all_logged)

    async def versions(**fields: Any) -> list[int]:
        sent = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in fields.items()}
        return [each["version"] for each in await history(partner, id, **sent)]

    assert await versions(since=times[3]) == [3, 4]
    assert await versions(until=times[3]) == [1, 2]
    assert await versions(since=times[2], until=times[4]) == [2, 3]
    assert await versions(type="user.created") == [1]
    assert await versions(type="user.updated", until=times[3]) == [2]
    assert await versions(since=datetime.now(UTC) + timedelta(days=1)) == []
    assert await versions(type="user.erased") == []


async def test_what_the_stream_has_not_taken_is_told_too(deploy: Deploy) -> None:
    """While no event can be published, and none is in the log."""
    partner = Partner(await deploy())
    id = await changed_user(partner, 1)
    await partner.events(id, 2)
    jetstream = partner.deployment.nats.jetstream()
    await jetstream.delete_stream("SVC_USER_EVENTS")
    await jetstream.add_stream(name="OTHER", subjects=["evt.business.>"])
    body = {"user_id": id, "title": "Untold"}
    assert (await partner.ask("user.update", body)).done
    assert [each["version"] for each in await history(partner, id)] == [1, 2, 3]
    assert [each["version"] for each in await history(partner, id, limit=1)] == [1, 2, 3]
    assert [each["version"] for each in await history(partner, id, type="user.created")] == [1]
    since = datetime.now(UTC) + timedelta(days=1)
    assert await history(partner, id, since=since.isoformat()) == []
    await jetstream.delete_stream("OTHER")


async def test_any_aggregate_has_a_history_and_the_partner(partner: Partner) -> None:
    """Also what is set for the partner as a whole; what is unknown, or another's, has none."""
    entity = await partner.entity()
    assert [each["type"] for each in await history(partner, entity)] == ["business.created"]
    switch = {"switches": {"SMS": False}}
    assert (await partner.ask("preference.put_master", switch)).done
    [line] = await history(partner, partner.name)
    assert line["type"] == "partner.master_switched"
    stranger = Partner(partner.deployment)
    for id in (entity, "0199f6a4-4d1c-7d1e-9d5a-3c2b1a0f9e8d"):
        reply = await stranger.ask("privacy.history", {"aggregate_id": id})
        assert reply.refusal == (404, "AGGREGATE_NOT_FOUND", "aggregate_id")
    for id in (partner.name, entity.upper(), "x"):
        reply = await stranger.ask("privacy.history", {"aggregate_id": id})
        assert reply.refusal == (400, "INVALID_FORMAT", "aggregate_id")


async def test_a_cursor_of_another_list_is_refused(partner: Partner) -> None:
    """Or one that was made up."""
    id = await changed_user(partner, 1)
    body = {"aggregate_id": id, "limit": 1}
    cursor = (await partner.ask("privacy.history", body)).done["next_cursor"]
    for title, wrong in (("privacy.history", "abcd"), ("user.list", cursor)):
        sent = {"cursor": wrong} | ({"aggregate_id": id} if title == "privacy.history" else {})
        reply = await partner.ask(title, sent)
        assert reply.refusal == (400, "INVALID_FORMAT", "cursor")


async def test_it_is_served_by_its_index(partner: Partner) -> None:
    """As many keys are looked at as there are lines to show."""
    id = await changed_user(partner, 2)
    await partner.ask("preference.put", {"person_id": id, "items": OPTED_OUT})
    query = {
        "partner": partner.name,
        "aggregate_id": id,
        "collection": "users",
        "version": {"$gt": 1},
    }
    events = partner.deployment.database["events"]
    plan = await events.find(query).sort("version").hint("history").explain()
    assert "SORT" not in str(plan["queryPlanner"]["winningPlan"])
    assert plan["executionStats"]["totalDocsExamined"] == plan["executionStats"]["nReturned"]
