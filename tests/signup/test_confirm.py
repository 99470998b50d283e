"""user.send_confirmation and user.confirm: that the user reads its e-mail."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests.client import Partner
from tests.clients import signing_up
from tests.deployment import Deployment

FAILED = (409, "CONFIRMATION_FAILED", "confirmation_code")


async def signed_up(partner: Partner) -> str:
    """A user who has just signed up."""
    id: str = (await partner.ask("user.signup", signing_up())).done["id"]
    return id


async def sent(partner: Partner, user_id: str) -> str:
    """A code for the partner to mail."""
    reply = await partner.ask("user.send_confirmation", {"user_id": user_id})
    code: str = reply.done["confirmation_code"]
    return code


async def test_confirmed(partner: Partner) -> None:
    """The code confirms the user, in one event; again it is as before, without another."""
    user_id = await signed_up(partner)
    reply = (await partner.ask("user.send_confirmation", {"user_id": user_id})).done
    expires = datetime.fromisoformat(reply["expires_at"])
    assert abs(expires - datetime.now(UTC) - timedelta(days=1)) < timedelta(seconds=30)
    body = {"user_id": user_id, "confirmation_code": reply["confirmation_code"]}
    first = await partner.ask("user.confirm", body, partner.user_token(user_id))
    assert first.done == {"userId": user_id, "confirmed": True}
    second = await partner.ask("user.confirm", body)
    assert (second.done, second.version) == (first.done, 2)
    assert (await partner.record(user_id))["confirmed"] is True
    events = await partner.events(user_id, 2)
    assert [event["type"] for event in events] == ["user.signed_up", "user.confirmed"]
    assert events[1]["data"]["changed"] == ["confirmed"]


async def test_wrong_code(partner: Partner) -> None:
    """A wrong code, an earlier one and one that was never made are all refused alike."""
    user_id = await signed_up(partner)
    body = {"user_id": user_id, "confirmation_code": "x" * 32}
    assert (await partner.ask("user.confirm", body)).refusal == FAILED
    earlier, latest = await sent(partner, user_id), await sent(partner, user_id)
    for code in (earlier, "x" * 32):
        refused = await partner.ask("user.confirm", body | {"confirmation_code": code})
        assert refused.refusal == FAILED
    assert (await partner.ask("user.confirm", body | {"confirmation_code": latest})).done


async def test_code_of_another_email(partner: Partner) -> None:
    """A code is for the e-mail that it was made for; a new e-mail has to be confirmed anew."""
    user_id = await signed_up(partner)
    code = await sent(partner, user_id)
    new = {"user_id": user_id, "email": signing_up()["email"]}
    assert (await partner.ask("user.update", new)).done
    body = {"user_id": user_id, "confirmation_code": code}
    assert (await partner.ask("user.confirm", body)).refusal == FAILED
    body["confirmation_code"] = await sent(partner, user_id)
    assert (await partner.ask("user.confirm", body)).done
    new["email"] = signing_up()["email"]
    assert (await partner.ask("user.update", new)).done
    assert (await partner.record(user_id))["confirmed"] is False


async def test_expired_code(deploy: Callable[..., Awaitable[Deployment]]) -> None:
    """A code is refused from the moment on that its reply has named."""
    partner = Partner(await deploy())
    user_id = await signed_up(partner)
    code = await sent(partner, user_id)
    past = {"$set": {"confirmation.expires_at": datetime.now(UTC)}}
    await partner.deployment.database["users"].update_one({"_id": user_id}, past)
    body = {"user_id": user_id, "confirmation_code": code}
    assert (await partner.ask("user.confirm", body)).refusal == FAILED


async def test_who_may(partner: Partner) -> None:
    """A user confirms itself, and asks for no code; another's is not there for it."""
    user_id = await signed_up(partner)
    own, stranger = partner.user_token(user_id), partner.user_token(str(uuid4()))
    asked = await partner.ask("user.send_confirmation", {"user_id": user_id}, own)
    assert asked.refusal == (403, "WRONG_TOKEN_KIND", None)
    body = {"user_id": user_id, "confirmation_code": await sent(partner, user_id)}
    not_there = (404, "USER_NOT_FOUND", "user_id")
    assert (await partner.ask("user.confirm", body, stranger)).refusal == not_there
    nobody = {"user_id": str(uuid4())}
    assert (await partner.ask("user.send_confirmation", nobody)).refusal == not_there
    assert (await partner.ask("user.confirm", body, own)).done


async def test_version(partner: Partner) -> None:
    """If-Match is obeyed by both; a code alone is no change of the user."""
    user_id = await signed_up(partner)
    conflict = (409, "VERSION_CONFLICT", None)
    asked = {"user_id": user_id}
    reply = await partner.ask("user.send_confirmation", asked, if_match="2")
    assert reply.refusal == conflict
    code = await sent(partner, user_id)
    body = {"user_id": user_id, "confirmation_code": code}
    assert (await partner.ask("user.confirm", body, if_match="2")).refusal == conflict
    assert (await partner.ask("user.confirm", body, if_match="1")).version == 2
