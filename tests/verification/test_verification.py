"""svc.verification: submitted, decided once, by another; an identity makes a user verified."""

import asyncio
from itertools import product
from typing import Any

import pytest

from tests.client import Partner
from tests.deployment import Deploy
from tests.identity.people import business, consumer, dependent

NO_ONE = "018f0000-0000-7000-8000-000000000000"
EVIDENCE = {
    "IDENTITY": {
        "document_type": "passport",
        "document_number": "P12345678",
        "issuer": "ZAF",
        "note": "seen in person",
    },
    "BANK_ACCOUNT": {
        "account_holder": "Ada Lovelace",
        "account_number": "000123456789",
        "routing_number": "091300010",
        "account_type": "CHECKING",
    },
}
SHOWN = {
    "IDENTITY": EVIDENCE["IDENTITY"] | {"document_number": "xxxxx5678"},
    "BANK_ACCOUNT": EVIDENCE["BANK_ACCOUNT"] | {"account_number": "6789"},
}
STATES = ("PENDING", "APPROVED", "REJECTED")


async def submitted(partner: Partner, person_id: str, kind: str = "IDENTITY") -> dict[str, Any]:
    """A new verification, submitted by `submitter`."""
    body = {"person_id": person_id, "kind": kind, "evidence": EVIDENCE[kind]}
    token = partner.token(subject="submitter")
    verification: dict[str, Any] = (await partner.ask("verification.submit", body, token)).done
    return verification


def decision(verification: dict[str, Any], decided: str = "APPROVED") -> dict[str, Any]:
    """A request to decide it."""
    body = {"verification_id": verification["verification_id"], "decision": decided}
    return body | ({"reason": "blurred"} if decided == "REJECTED" else {})


async def person_in(partner: Partner, state: str, kind: str) -> dict[str, Any]:
    """A verification in the state."""
    verification = await submitted(partner, await consumer(partner), kind)
    if state != "PENDING":
        reply = await partner.ask("verification.decide", decision(verification, state))
        verification = reply.done
    return verification


@pytest.mark.parametrize("kind", list(EVIDENCE))
async def test_submitted(partner: Partner, kind: str) -> None:
    """It is pending, its numbers masked in reply, event and list."""
    person = await consumer(partner)
    shown = await submitted(partner, person, kind)
    assert shown == {
        "verification_id": shown["verification_id"],
        "person_id": person,
        "kind": kind,
        "state": "PENDING",
        "evidence": SHOWN[kind],
        "reason": None,
        "submitted_by": "submitter",
        "decided_by": None,
        "submitted_at": shown["submitted_at"],
        "decided_at": None,
        "version": 1,
    }
    id = shown["verification_id"]
    got = await partner.ask("verification.get", {"verification_id": id})
    assert (got.done, got.version) == (shown, 1)
    [event] = await partner.events(id, 1)
    assert event["type"] == "verification.submitted"
    assert event["data"]["verification"] == shown


@pytest.mark.parametrize(
    ("kind", "evidence", "error"),
    [
        ("IDENTITY", None, ("INVALID_FORMAT", "evidence")),
        ("IDENTITY", {"account_number": "12345678"}, ("UNKNOWN_FIELD", "evidence.account_number")),
        ("IDENTITY", {"document_number": 5}, ("INVALID_FORMAT", "evidence.document_number")),
        ("CREDIT", {}, ("NOT_ALLOWED_VALUE", "kind")),
        ("BANK_ACCOUNT", EVIDENCE["IDENTITY"], ("REQUIRED", "evidence.account_holder")),
        *(
            (
                "BANK_ACCOUNT",
                {k: v for k, v in EVIDENCE["BANK_ACCOUNT"].items() if k != name},
                ("REQUIRED", f"evidence.{name}"),
            )
            for name in EVIDENCE["BANK_ACCOUNT"]
        ),
    ],
)
async def test_evidence_of_its_kind(
    partner: Partner, kind: str, evidence: object, error: tuple[str, str]
) -> None:
    """Evidence is a bank account's or an identity's, as the kind says."""
    body = {"person_id": NO_ONE, "kind": kind, "evidence": evidence}
    assert error in (await partner.ask("verification.submit", body)).errors


async def test_an_identity_needs_no_evidence(partner: Partner) -> None:
    """An empty object is enough; no object at all is not."""
    body: dict[str, object] = {"person_id": await consumer(partner), "kind": "IDENTITY"}
    missing = await partner.ask("verification.submit", body)
    assert missing.refusal == (400, "REQUIRED", "evidence")
    reply = await partner.ask("verification.submit", body | {"evidence": {}})
    assert set(reply.done["evidence"].values()) == {None}


async def test_one_pending_of_each_kind(partner: Partner) -> None:
    """A second of the kind waits until the first is decided; another kind, or person, does not."""
    person = await consumer(partner)
    first = await submitted(partner, person)
    await submitted(partner, person, "BANK_ACCOUNT")
    await submitted(partner, await consumer(partner))
    body = {"person_id": person, "kind": "IDENTITY", "evidence": {}}
    reply = await partner.ask("verification.submit", body)
    assert reply.refusal == (409, "ALREADY_PENDING", "kind")
    await partner.ask("verification.decide", decision(first, "REJECTED"))
    assert (await partner.ask("verification.submit", body)).done["state"] == "PENDING"


async def test_nobodys_verification(partner: Partner) -> None:
    """An unknown person, or another partner's, is not found; nor is such a verification."""
    elsewhere = Partner(partner.deployment)
    there = await consumer(elsewhere)
    for id in (NO_ONE, there):
        body = {"person_id": id, "kind": "IDENTITY", "evidence": {}}
        reply = await partner.ask("verification.submit", body)
        assert reply.refusal == (404, "PERSON_NOT_FOUND", "person_id")
    foreign = (await submitted(elsewhere, there))["verification_id"]
    for id in (NO_ONE, foreign):
        body = {"verification_id": id}
        reply = await partner.ask("verification.get", body)
        assert reply.refusal == (404, "VERIFICATION_NOT_FOUND", "verification_id")
        reply = await partner.ask("verification.decide", body | {"decision": "APPROVED"})
        assert reply.refusal == (404, "VERIFICATION_NOT_FOUND", "verification_id")


@pytest.mark.parametrize(("state", "kind", "decided"), list(product(STATES, EVIDENCE, STATES)))
async def test_every_state_and_decision(
    partner: Partner, state: str, kind: str, decided: str
) -> None:
    """Pending may become approved or rejected; whatever else is tried leaves it as it was."""
    before = await person_in(partner, state, kind)
    id = before["verification_id"]
    reply = await partner.ask("verification.decide", decision(before, decided))
    after = (await partner.ask("verification.get", {"verification_id": id})).done
    if decided == "PENDING":
        assert reply.refusal == (400, "NOT_ALLOWED_VALUE", "decision")
    elif state != "PENDING":
        assert reply.refusal == (409, "NOT_PENDING", "verification_id")
    else:
        assert (
            reply.done
            == after
            == before
            | {
                "state": decided,
                "reason": "blurred" if decided == "REJECTED" else None,
                "decided_by": "tests",
                "decided_at": after["decided_at"],
                "version": 2,
            }
        )
        event = (await partner.events(id, 2))[-1]
        assert event["type"] == f"verification.{decided.lower()}"
        assert event["data"]["verification"] == after
        reason = ["reason"] if decided == "REJECTED" else []
        assert event["data"]["changed"] == ["decided_at", "decided_by", *reason, "state"]
        return
    assert after == before


async def test_rejecting_takes_a_reason(partner: Partner) -> None:
    """Without one, or with an empty one, a rejection is refused."""
    body = decision(await submitted(partner, await consumer(partner))) | {"decision": "REJECTED"}
    assert (await partner.ask("verification.decide", body)).refusal == (400, "REQUIRED", "reason")
    reply = await partner.ask("verification.decide", body | {"reason": "  "})
    assert reply.refusal == (400, "TOO_SHORT", "reason")


async def test_who_submitted_cannot_decide(partner: Partner) -> None:
    """Neither approve nor reject, whatever its scopes; and a user's own token decides nothing."""
    user_id = await partner.user()
    verification = await submitted(partner, user_id)
    submitter = partner.token(subject="submitter")
    for decided in ("APPROVED", "REJECTED"):
        reply = await partner.ask("verification.decide", decision(verification, decided), submitter)
        assert reply.refusal == (403, "SUBMITTED_BY_CALLER", "verification_id")
    own = partner.user_token(user_id)
    reply = await partner.ask("verification.decide", decision(verification), own)
    assert reply.refusal == (403, "WRONG_TOKEN_KIND", None)
    for title in ("get", "list"):
        body = {"verification_id": verification["verification_id"]} if title == "get" else {}
        reply = await partner.ask(f"verification.{title}", body, own)
        assert reply.refusal == (403, "MISSING_SCOPE", None)


async def test_if_match(partner: Partner) -> None:
    """Another version than the one there is refused."""
    body = decision(await submitted(partner, await consumer(partner)))
    reply = await partner.ask("verification.decide", body, if_match="2")
    assert reply.refusal == (409, "VERSION_CONFLICT", None)
    assert (await partner.ask("verification.decide", body, if_match="1")).version == 2


@pytest.mark.parametrize("who", ["user", "consumer"])
async def test_racing_decisions_have_one_winner(deploy: Deploy, who: str) -> None:
    """Of decisions at once on two workers one is carried out, the others see that it was."""
    partner = Partner(await deploy(2))
    person = await (partner.user() if who == "user" else consumer(partner))
    verification = await submitted(partner, person)
    replies = await asyncio.gather(
        *(
            partner.ask("verification.decide", decision(verification, decided))
            for decided in ("APPROVED", "REJECTED") * 10
        )
    )
    [won] = [reply.done for reply in replies if reply.status == 200]
    refused = {reply.refusal for reply in replies if reply.status != 200}
    assert refused == {(409, "NOT_PENDING", "verification_id")}
    id = verification["verification_id"]
    assert (await partner.ask("verification.get", {"verification_id": id})).done == won
    assert len(await partner.events(id, 2)) == 2
    if who == "user":
        record = await partner.record(person)
        assert record["verified"] is (won["state"] == "APPROVED")


class TestUserVerified:
    @pytest.mark.parametrize(
        ("kind", "decided", "verified"),
        [
            ("IDENTITY", "APPROVED", True),
            ("IDENTITY", "REJECTED", False),
            ("BANK_ACCOUNT", "APPROVED", False),
        ],
    )
    async def test_by_an_identity_approved(
        self, partner: Partner, kind: str, decided: str, verified: bool
    ) -> None:
        """Only that sets `verified`, with an event of the user's own."""
        user_id = await partner.user()
        verification = await submitted(partner, user_id, kind)
        reply = await partner.ask("verification.decide", decision(verification, decided))
        assert reply.done["state"] == decided
        record = await partner.record(user_id)
        assert (record["verified"], record["version"]) == (verified, 2 if verified else 1)
        events = await partner.events(user_id, record["version"])
        assert [event["data"]["changed"] for event in events[1:]] == [["verified"]] * verified
        assert [event["type"] for event in events[1:]] == ["user.updated"] * verified

    async def test_ends_with_what_it_proved(self, partner: Partner) -> None:
        """A new name ends what the verification gave."""
        user_id = await partner.user()
        await partner.ask("verification.decide", decision(await submitted(partner, user_id)))
        await partner.ask("user.update", {"user_id": user_id, "first_name": "Lerato"})
        assert (await partner.record(user_id))["verified"] is False
        events = await partner.events(user_id, 3)
        assert events[2]["data"]["changed"] == ["first_name", "verified"]


async def test_list(partner: Partner) -> None:
    """By person, kind and state, in the order of submission, page by page; only one's domain."""
    mine = "018f0000-0000-7000-8000-00000000000a"
    first = await consumer(partner, await business(partner, mine))
    second = await dependent(partner, await consumer(partner))
    everything = [
        await submitted(partner, person, kind)
        for person in (first, second)
        for kind in ("IDENTITY", "BANK_ACCOUNT")
    ]
    approved = await partner.ask("verification.decide", decision(everything[1]))
    everything[1] = approved.done
    for person, kind, state in product(
        (None, first, second), (None, "IDENTITY", "BANK_ACCOUNT"), (None, *STATES)
    ):
        body: dict[str, object] = {"person_id": person, "kind": kind, "state": state, "limit": 2}
        found: list[Any] = []
        while True:
            page = (await partner.ask("verification.list", body)).done
            found += page["items"]
            if page["next_cursor"] is None:
                break
            body["cursor"] = page["next_cursor"]
        assert found == [
            each
            for each in everything
            if person in (None, each["person_id"])
            and kind in (None, each["kind"])
            and state in (None, each["state"])
        ]
    token = partner.token(domain=mine)
    for person in (None, first):
        body = {"person_id": person}
        listed = (await partner.ask("verification.list", body, token)).done["items"]
        assert listed == everything[:2]
    invisible = {"verification_id": everything[2]["verification_id"]}
    reply = await partner.ask("verification.get", invisible, token)
    assert reply.refusal == (404, "VERIFICATION_NOT_FOUND", "verification_id")
    body = {"person_id": second, "kind": "IDENTITY", "evidence": {}}
    reply = await partner.ask("verification.submit", body, token)
    assert reply.refusal == (404, "PERSON_NOT_FOUND", "person_id")
