"""Erasing a person: nothing that was its own is left anywhere, and nobody else notices."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from service.privacy.store import ERASURES
from tests.client import Partner, events_on, new_user
from tests.deployment import Deploy
from tests.eventually import eventually
from tests.identity.people import consumer, dependent, signer
from tests.membership.accounts import Accounts
from tests.organisation.company import new_person
from tests.privacy import people
from tests.privacy.people import OPTED_OUT, Somebody
from tests.privacy.traces import erase, export, in_database, in_stream


async def left_of(partner: Partner, somebody: Somebody) -> list[str]:
    """Every trace of a person's own values."""
    deployment = partner.deployment
    return [
        *await in_database(deployment, somebody.values),
        *await in_stream(deployment, somebody.values),
    ]


async def everything_of(partner: Partner, somebody: Somebody) -> Any:
    """What there is of a person: documents, log lines, events, export."""
    database = partner.deployment.database
    names = [name for name in await database.list_collection_names() if name != "access_log"]
    documents = {
        (name, each["_id"]): {k: v for k, v in each.items() if k != "stream_seq"}
        for name in names
        async for each in database[name].find({"partner": partner.name})
        if somebody.id in str(each)
    }
    events = await events_on(partner.deployment, f"evt.*.{partner.name}.{somebody.id}.>")
    shown = [i for i in await export(partner, somebody.id) if i["section"] != "access"]
    return documents, events, shown


async def told(partner: Partner) -> None:
    """Return when no outbox has anything in it."""
    database = partner.deployment.database

    async def nothing_waits() -> bool:
        names = await database.list_collection_names()
        counts = [await database[n].count_documents({"outbox.0": {"$exists": True}}) for n in names]
        return sum(counts) == 0

    await eventually(nothing_waits)


@pytest.mark.parametrize("kind", ["user", "household", "contact"])
async def test_nothing_is_left_of_who_is_erased(partner: Partner, kind: str) -> None:
    """In no document, no line of the log, no event; of a consumer's household neither.

    And somebody else of the same sort, who was told of in the same places, is as before.
    """
    both: list[list[Somebody]] = []
    for _ in range(2):
        if kind == "user":
            both.append([await people.busy_user(partner)])
        elif kind == "household":
            both.append(await people.household(partner))
        else:
            both.append([await people.business_contact(partner)])
    gone, others = both
    await told(partner)
    for somebody in gone:
        found = await in_database(partner.deployment, somebody.values)
        hidden = {*somebody.numbers}
        assert {each.rpartition(": ")[2] for each in found} >= {*somebody.values} - hidden
        assert await in_stream(partner.deployment, somebody.values)
    before = [await everything_of(partner, each) for each in others]

    reply = await erase(partner, gone[0].id)
    assert reply.done["person_id"] == gone[0].id

    for somebody in gone:
        assert await left_of(partner, somebody) == []
        for title in ("privacy.export", "privacy.access_log", "identity.get_person"):
            refused = await partner.ask(title, {"person_id": somebody.id})
            assert refused.refusal == (404, "PERSON_NOT_FOUND", "person_id")
        [event] = await events_on(partner.deployment, f"evt.*.{partner.name}.{somebody.id}.>")
        assert event["type"] in {"user.erased", "identity.erased"}
        body = {"aggregate_id": somebody.id}
        [line] = (await partner.ask("privacy.history", body)).done["items"]
        assert line["event_id"] == event["id"]
    assert [await everything_of(partner, each) for each in others] == before


async def test_who_is_erased_is_in_no_list_and_nothing_can_be_done_with_it(
    partner: Partner,
) -> None:
    """Every operation that takes a user's or a person's id says that there is none."""
    gone = await people.busy_user(partner)
    [consumer_gone, dependent_gone, _] = await people.household(partner)
    await erase(partner, gone.id)
    await erase(partner, consumer_gone.id)
    for title, body in (
        ("user.get", {}),
        ("user.update", {"title": "Prof"}),
        ("user.set_contact_email", {"email": "else@example.com"}),
        ("user.get_contact_email", {}),
        ("user.deactivate", {}),
        ("user.activate", {}),
        ("user.send_confirmation", {}),
        ("user.confirm", {"confirmation_code": "123456"}),
        ("profile.list", {}),
        ("profile.create", {"type": "personal"}),
    ):
        reply = await partner.ask(title, {"user_id": gone.id} | body)
        assert reply.refusal == (404, "USER_NOT_FOUND", "user_id"), title
    assert gone.id not in str((await partner.ask("user.list", {"limit": 500})).done)
    assert (await partner.ask("membership.list", {"user_id": gone.id})).done["items"] == []
    owned = {"name": "A", "owner_user_id": gone.id}
    assert (await partner.ask("account.create", owned)).status == 404
    asked: list[tuple[str, dict[str, Any]]] = [
        ("preference.get", {}),
        ("preference.put", {"items": OPTED_OUT}),
        ("preference.evaluate", {"notification_preference_type": "CLAIM_CONFIRMATION"}),
        ("verification.submit", {"kind": "IDENTITY", "evidence": {}}),
    ]
    for id in (gone.id, consumer_gone.id, dependent_gone.id):
        for title, extra in asked:
            reply = await partner.ask(title, {"person_id": id} | extra)
            assert reply.refusal == (404, "PERSON_NOT_FOUND", "person_id"), title
        listed = (await partner.ask("verification.list", {"person_id": id})).done
        assert listed["items"] == []
    for title in ("get_consumer", "household", "list_dependents", "list_authorized_signers"):
        reply = await partner.ask(f"identity.{title}", {"consumer_id": consumer_gone.id})
        assert reply.status == 404
    assert consumer_gone.id not in str((await partner.ask("identity.list_consumers", {})).done)
    assert (await partner.ask("identity.find_by_ssn", {"ssn": consumer_gone.numbers[0]})).done[
        "items"
    ] == []


async def test_erasing_twice_gives_the_same_reply(partner: Partner) -> None:
    """With the same key it is repeated, with another it is found; a key for another is refused."""
    id, other = await partner.user(), await partner.user()
    first = await erase(partner, id, key="one")
    again = await erase(partner, id, key="one")
    assert (again.done, again.headers["Idempotency-Replayed"]) == (first.done, "true")
    assert again.version == first.version
    with_other_key = await erase(partner, id, key="two")
    assert (with_other_key.done, with_other_key.version) == (first.done, first.version)
    once_more = await erase(partner, id, key="two")
    assert (once_more.done, once_more.headers["Idempotency-Replayed"]) == (first.done, "true")
    assert once_more.version == first.version
    for key in ("one", "two"):
        refused = await erase(partner, other, key=key)
        assert refused.refusal[:2] == (409, "IDEMPOTENCY_KEY_REUSED")
    assert (await partner.ask("user.get", {"user_id": other})).done
    assert len(await events_on(partner.deployment, f"evt.*.{partner.name}.{id}.>")) == 1


async def test_a_large_household_goes_at_once(deploy: Deploy) -> None:
    """At the reply nobody of it is there any more, on any worker."""
    partner = Partner(await deploy(2))
    id = await consumer(partner)
    made = [
        *(dependent(partner, id) for _ in range(100)),
        *(signer(partner, id) for _ in range(20)),
    ]
    members = await asyncio.gather(*made)
    reply = await erase(partner, id)
    assert reply.done
    asked = (partner.ask("identity.get_person", {"person_id": each}) for each in (id, *members))
    assert {each.status for each in await asyncio.gather(*asked)} == {404}
    for each in (id, members[0], members[-1]):
        told = await partner.ask(
            "privacy.erase", {"person_id": each, "reason": "again"}, idempotency_key=each
        )
        assert told.done["erased_at"] == reply.done["erased_at"]

    async def nothing_else_is_told() -> bool:
        events = await events_on(partner.deployment, f"evt.identity.{partner.name}.>")
        erased = [event["subject"] for event in events if event["type"] == "identity.erased"]
        return sorted(erased) == sorted((id, *members)) and len(events) == len(erased)

    await eventually(nothing_else_is_told, within=30)


async def test_a_key_for_who_went_with_a_consumer(partner: Partner) -> None:
    """A dependent is erased already, and the key that asks for it is spent all the same."""
    id, other = await consumer(partner), await partner.user()
    member = await dependent(partner, id)
    assert (await erase(partner, id)).done
    first = await erase(partner, member, key="late")
    again = await erase(partner, member, key="late")
    assert (again.done, again.headers["Idempotency-Replayed"]) == (first.done, "true")
    assert (await erase(partner, other, key="late")).refusal[1] == "IDEMPOTENCY_KEY_REUSED"


async def test_what_one_worker_found_another_keeps_in_mind(deploy: Deploy) -> None:
    """Of two looks at once the slower finds less: what is a tombstone by then leads to nobody."""
    deployment = await deploy(2, sweep_seconds=3_600)
    partner, ids = Partner(deployment), [str(uuid4()) for _ in range(3)]
    erased = await partner.user()
    assert (await erase(partner, erased)).done
    first, second = (worker._erasing._storage[ERASURES] for worker in deployment.workers)
    await first.add_untold(erased, {"held.verifications": ids[:2]})
    await second.add_untold(erased, {"held.verifications": []})
    await second.add_untold(erased, {"held.verifications": ids[1:]})
    document = await second.read(erased)
    assert document is not None
    assert document["held"]["verifications"] == ids


async def test_a_key_is_required_and_a_client(partner: Partner) -> None:
    """A user cannot erase itself, and nobody without admin:privacy anybody."""
    id = await partner.user()
    body = {"person_id": id, "reason": "asked for"}
    refused = await partner.ask("privacy.erase", body)
    assert refused.refusal[:2] == (400, "IDEMPOTENCY_KEY_REQUIRED")
    refused = await partner.ask("privacy.erase", body, partner.user_token(id), idempotency_key="a")
    assert refused.refusal[:2] == (403, "WRONG_TOKEN_KIND")
    refused = await erase(partner, str(uuid4()))
    assert refused.refusal == (404, "PERSON_NOT_FOUND", "person_id")
    stranger = await Partner(partner.deployment).user()
    assert (await erase(partner, stranger)).refusal[:2] == (404, "PERSON_NOT_FOUND")


async def test_the_email_is_free_again(partner: Partner) -> None:
    """At once, and for whoever comes."""
    entity, email = await partner.entity(), f"{uuid4().hex}@example.com"
    id = await partner.user(entity, email=email)
    assert (await partner.ask("user.create", new_user(entity, email=email))).status == 409
    await erase(partner, id)
    assert (await partner.ask("user.exists", {"email": email})).done == {"exists": False}
    assert await partner.user(entity, email=email) != id


async def test_a_personal_entity_says_no_more_of_its_user(partner: Partner) -> None:
    """It stays, so that its id leads somewhere; the request that made both is forgotten."""
    body, key = new_person(), f"key-{uuid4().hex}"
    made = (await partner.ask("entity.create", body, idempotency_key=key)).done
    await erase(partner, made["userId"])
    somebody = Somebody(made["userId"], [key, body["email"], body["id_number"]])
    assert await left_of(partner, somebody) == []
    entity = (await partner.ask("entity.get", {"entity_id": made["entityId"]})).done
    assert entity["user_id"] == made["userId"]


async def test_the_last_admin_of_an_account_stays(partner: Partner) -> None:
    """Nothing of it changes; with another admin beside it goes, also after funds were settled."""
    accounts = Accounts(partner)
    owner, second = await accounts.user(), await accounts.user()
    alone, shared = await accounts.open(owner), await accounts.open(owner)
    await accounts.appoint(owner, shared, second)
    refused = await erase(partner, owner)
    assert refused.refusal[:2] == (409, "LAST_ADMIN")
    assert (await partner.ask("user.get", {"user_id": owner})).done
    assert (await accounts.kept(shared))["admins"] == [owner, second]
    await accounts.appoint(owner, alone, second)
    assert (await accounts.settle(shared)).done

    assert (await erase(partner, owner, key="again")).done
    for account_id in (alone, shared):
        assert (await accounts.kept(account_id))["admins"] == [second]
        assert (await accounts.roles(account_id)) == {second: ("admin", None)}
        assert (await accounts.events(account_id))[-1]["type"] == "account.admins_changed"
    assert (await erase(partner, second)).refusal[:2] == (409, "LAST_ADMIN")


async def test_of_two_admins_who_are_erased_at_once_one_stays(deploy: Deploy) -> None:
    """On two workers, however often."""
    partner = Partner(await deploy(2))
    accounts = Accounts(partner)
    for _ in range(5):
        owner, second = await accounts.user(), await accounts.user()
        account_id = await accounts.open(owner)
        await accounts.appoint(owner, account_id, second)
        replies = await asyncio.gather(erase(partner, owner), erase(partner, second))
        statuses = sorted(reply.status for reply in replies)
        assert statuses == [200, 409]
        assert len((await accounts.kept(account_id))["admins"]) == 1


async def test_tokens_stop_working_on_every_worker(deploy: Deploy) -> None:
    """The session's, and any other of the user's, within 5 seconds; a refresh gives none."""
    partner = Partner(await deploy(2))
    gone, client, issued = await people.signed_up(partner)
    tokens = (issued["access_token"], partner.user_token(gone.id))

    async def statuses() -> set[int]:
        asked = (partner.ask("user.me", {}, token) for token in tokens for _ in range(8))
        return {reply.status for reply in await asyncio.gather(*asked)}

    assert await statuses() == {200}
    await erase(partner, gone.id)

    async def refused() -> bool:
        return await statuses() == {401}

    await eventually(refused, within=5.0)
    assert min(partner.deployment.answered) > 0
    assert await left_of(partner, gone) == []
    [session] = [each async for each in partner.deployment.database["sessions"].find()]
    assert session["ended"]
    assert "refresh_hash" not in session
    assert (await client.refresh(issued["refresh_token"])).refusal[:2] == (401, "INVALID_GRANT")


async def test_what_races_with_an_erasure_is_found_by_a_later_look(deploy: Deploy) -> None:
    """A dependent made by who had read the consumer before, lines of the logs, a publish."""
    deployment = await deploy(1, sweep_seconds=0.2, sweep_age_seconds=0.2)
    partner, database = Partner(deployment), deployment.database
    id = await consumer(partner)
    values: list[str] = []
    await erase(partner, id)
    # As a worker writes it that was cut off between reading the consumer and writing.
    other = await consumer(partner)
    written = await dependent(partner, other, first_name=people.own(values, "Late"))
    await partner.events(written, 1)
    await database["persons"].update_one({"_id": written}, {"$set": {"consumer_id": id}})
    line = {"partner": partner.name, "person_ids": [id], "at": None, "_id": str(uuid4())}
    await database["access_log"].insert_one(line)
    told = people.own(values, "Told").encode()
    logged = {"aggregate_id": id, "collection": "preferences", "version": 1, "body": told}
    await database["events"].insert_one({"_id": str(uuid4()), "partner": partner.name} | logged)
    subject = f"evt.preference.{partner.name}.{id}.internal_changed"
    await deployment.nats.jetstream().publish(subject, told)
    assert await in_database(deployment, values)
    await database["erasures"].update_one({"_id": id}, [{"$set": {"due_at": "$began_at"}}])

    async def nothing_left() -> bool:
        left = [*await in_database(deployment, values), *await in_stream(deployment, values)]
        lines = await database["access_log"].count_documents({"person_ids": id})
        return not left and lines == 0

    await eventually(nothing_left)
    person = {"person_id": written}
    assert (await partner.ask("identity.get_person", person)).status == 404


async def test_a_put_under_way_makes_no_preferences(partner: Partner) -> None:
    """Many puts race with an erasure; afterwards there are no preferences, whoever was first."""
    for _ in range(5):
        id = await partner.user()
        put = {"person_id": id, "items": OPTED_OUT}
        _, *replies = await asyncio.gather(
            erase(partner, id), *(partner.ask("preference.put", put) for _ in range(8))
        )
        assert {reply.status for reply in replies} <= {200, 404}
        await told(partner)
        kept = await partner.deployment.database["preferences"].find_one({"_id": id})
        assert kept is not None
        assert "internal" not in kept
        [event] = await events_on(partner.deployment, f"evt.*.{partner.name}.{id}.>")
        assert event["type"] == "user.erased"
