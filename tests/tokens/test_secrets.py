"""Secrets are nowhere but as hashes: not in the database, the stream, the event log or the logs."""

import base64
import logging
from hashlib import sha256

import bson
import pytest
import structlog
from nats.js.errors import NotFoundError

from service.resources import STREAM
from service.storage.batches import EVENT_LOG
from tests.client import Partner
from tests.clients import Client, SignedUp, signing_up
from tests.deployment import Deployment
from tests.eventually import eventually


async def test_secrets_are_nowhere(partner: Partner, caplog: pytest.LogCaptureFixture) -> None:
    """After a whole run, with mistakes in it, a search that finds other things finds no secret."""
    with structlog.testing.capture_logs() as lines, caplog.at_level(logging.DEBUG):
        client, user, secrets = await run(partner)
        deployment = partner.deployment
        session = await deployment.database["sessions"].find_one({"user_id": user.id})
        assert session is not None
        await partner.events(session["_id"], 1)

        async def logged() -> bool:
            query = {"aggregate_id": session["_id"]}
            return await deployment.database[EVENT_LOG].find_one(query) is not None

        await eventually(logged)
        kept = await everything_kept(deployment)
        told = await everything_told(deployment)
    said = repr(lines).encode() + caplog.text.encode()

    assert user.email.encode() in kept, "the search finds what is there"
    assert user.email.encode() in told
    assert user.id.encode() in told
    assert client.id.encode() in said
    assert b"$argon2id$v=19$m=19456,t=2,p=1$" in kept
    assert sha256(client.secret.encode()).digest() in kept
    for name, secret in secrets.items():
        for form in forms(secret):
            assert form not in kept, f"{name} in the database"
            assert form not in told, f"{name} in the stream"
            assert form not in said, f"{name} in the logs"


async def run(partner: Partner) -> tuple[Client, SignedUp, dict[str, str]]:
    """Everything that a secret is ever in, well-formed and not."""
    client = await Client.of(partner)
    request = signing_up()
    token = await client.token()
    signup = await partner.ask("user.signup", request, token, idempotency_key="once")
    again = await partner.ask("user.signup", request, token, idempotency_key="once")
    assert again.headers["Idempotency-Replayed"] == "true"
    code = request["registrationCode"]
    user = SignedUp(signup.done["id"], request["email"], code)
    assert (await partner.ask("user.signup", request, token)).status == 409
    wrong = request | {"email": "no address", "language": "XX", code: code}
    assert (await partner.ask("user.signup", wrong, token)).status == 400
    broken = f'{{"registrationCode": "{code}'.encode()
    assert (await partner.ask("user.signup", broken, token)).status == 400
    assert (await client.exchange(user, email="nobody@example.com")).status == 401
    assert (await client.exchange(user, scope=code)).status == 400
    first = (await client.exchange(user)).done
    assert (await client.exchange(user)).status == 401
    second = (await client.refresh(first["refresh_token"])).done
    sent = await partner.ask("user.send_confirmation", {"user_id": user.id}, token)
    confirmation = sent.done["confirmation_code"]
    guess = {"user_id": user.id, "confirmation_code": "wrong"}
    assert (await partner.ask("user.confirm", guess, token)).status == 409
    right = guess | {"confirmation_code": confirmation}
    assert (await partner.ask("user.confirm", right, token)).done
    assert (await client.refresh(first["refresh_token"])).status == 401
    assert (await client.revoke(second["access_token"])).done
    return (
        client,
        user,
        {
            "registration code": code,
            "client secret": client.secret,
            "client token": token,
            "access token": first["access_token"],
            "refreshed access token": second["access_token"],
            "refresh token": first["refresh_token"],
            "refreshed token": second["refresh_token"],
            "confirmation code": confirmation,
        },
    )


def forms(secret: str) -> list[bytes]:
    """What a secret may look like where it was not meant to be."""
    plain = secret.encode()
    return [plain, plain.hex().encode(), base64.b64encode(plain)[:-4], plain[:24], plain[-24:]]


async def everything_kept(deployment: Deployment) -> bytes:
    """Every document of every collection."""
    database = deployment.database
    kept = b""
    for name in await database.list_collection_names():
        kept += b"".join([bson.encode(document) async for document in database[name].find()])
    return kept


async def everything_told(deployment: Deployment) -> bytes:
    """Every message of the stream, with its subject and headers."""
    jetstream, told, after = deployment.nats.jetstream(), b"", 0
    while True:
        try:
            message = await jetstream.get_msg(STREAM, after + 1, ">", next=True)
        except NotFoundError:
            return told
        told += f"{message.subject} {message.headers} ".encode() + (message.data or b"")
        after = message.seq or 0
