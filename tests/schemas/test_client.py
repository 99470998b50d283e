"""The typed client against a worker: methods, replies, refusals, pages and tokens."""

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, assert_type
from uuid import uuid4

import pytest

from schemas.client import (
    BadRequest,
    Client,
    ClientCredentials,
    Conflict,
    Forbidden,
    NotFound,
    Unauthorized,
    services,
)
from schemas.client.codes import BY_CODE, MissingScope, NotUnique, UserNotFound, VersionConflict
from schemas.client.contract import Operation as OperationOfClient
from schemas.client.contract import Repeat
from schemas.client.services import USER_CREATE, USER_GET
from schemas.organisation import CreateBusinessEntity, CreatePersonalEntity
from schemas.user import (
    CreateUser,
    ListUsers,
    NewUser,
    SetContactEmail,
    SwitchUser,
    UpdateUser,
    UserId,
    UserRecord,
    UserReference,
)
from service.app import OPERATIONS
from service.operation import Operation
from tests.client import Partner, new_user
from tests.clients import Client as Credentials

NOBODY = "01a1ffd5-257b-7695-a98e-100d796fdba9"


@pytest.fixture
async def client(partner: Partner) -> AsyncIterator[Client]:
    async with Client.connected(
        partner.deployment.nats_url, partner.name, partner.all_rights
    ) as client:
        yield client


async def entity(client: Client) -> str:
    """A new business entity."""
    request = CreateBusinessEntity(
        entity_type="business", registration_number="1999/042", trading_name="Acme"
    )
    return (await client.entity.create(request))["entityId"]


async def user(client: Client, **fields: object) -> str:
    """A new user of a new entity."""
    request = a_user(await entity(client), **fields)
    return (await client.user.create(request))["userId"]


def a_user(entity_id: str, **fields: object) -> CreateUser:
    """A request that makes a user nobody else is."""
    return CreateUser.model_validate(new_user(entity_id, **fields))


async def test_an_operation_is_a_method_with_types(client: Client) -> None:
    """Dates may be given as Python has them, and come as such."""
    born = datetime(1990, 5, 17, tzinfo=UTC)
    request = a_user(await entity(client), date_of_birth=born)
    made = await client.user.create(request)
    assert_type(made, UserReference)
    found = [each async for each in client.user.list_all(ListUsers(email=request.email))]
    assert_type(found, list[UserRecord])
    assert [each["id"] for each in found] == [made["userId"]]
    assert found[0]["date_of_birth"] == born


async def test_either_form_of_an_entity(client: Client) -> None:
    fields = new_user("")
    del fields["entity_id"]
    personal = CreatePersonalEntity.model_validate({"entity_type": "personal", **fields})
    assert isinstance(personal, NewUser)
    made = await client.entity.create(personal)
    assert (await client.user.get(UserId(user_id=made["userId"])))["email"] == fields["email"]


async def test_only_what_was_set_is_sent(client: Client) -> None:
    """A field that may be left out, but not be null, is left out."""
    id = await user(client)
    await client.user.update(UpdateUser(user_id=id, first_name="Lerato"))
    assert (await client.user.get(UserId(user_id=id)))["name"] == "Lerato Nkosi"


async def test_a_reply_tells_its_version_and_if_match_wants_it(client: Client) -> None:
    id = await user(client)
    version = (await client.ask(USER_GET, UserId(user_id=id))).version
    assert version == 1
    request = SetContactEmail(user_id=id, email="write.here@example.com")
    await client.user.set_contact_email(request, if_match=version)
    with pytest.raises(VersionConflict) as refused:
        await client.user.update(UpdateUser(user_id=id, first_name="Lerato"), if_match=version)
    assert refused.value.status == 409
    assert not refused.value.perhaps_done


async def test_a_key_of_ones_own_makes_a_create_safe_to_repeat(client: Client) -> None:
    """Without one, the client makes one for each call."""
    request, key = a_user(await entity(client)), str(uuid4())
    first = await client.ask(USER_CREATE, request, idempotency_key=key)
    again = await client.ask(USER_CREATE, request, idempotency_key=key)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.body == first.body
    with pytest.raises(NotUnique):
        await client.user.create(request)


async def test_a_refusal_is_told_by_its_class_its_code_and_its_path(client: Client) -> None:
    with pytest.raises(UserNotFound) as refused:
        await client.user.get(UserId(user_id=NOBODY))
    refusal = refused.value
    assert isinstance(refusal, NotFound)
    assert (refusal.status, refusal.code, refusal.path) == (404, "USER_NOT_FOUND", "user_id")
    assert refusal.request_id
    assert refusal.retry_after is None


async def test_every_error_of_a_refusal_is_there(client: Client) -> None:
    """What the schema alone lets through, and the service does not: each field's error."""
    fields: dict[str, Any] = {"entity_id": "no-uuid", "first_name": "A", "email": "no address"}
    request = CreateUser.model_construct(_fields_set=set(fields), **fields)
    with pytest.raises(BadRequest) as refused:
        await client.user.create(request)
    told = {(error["path"], error["code"]) for error in refused.value.errors}
    assert {
        ("entity_id", "INVALID_FORMAT"),
        ("first_name", "TOO_SHORT"),
        ("last_name", "REQUIRED"),
    } <= told


async def test_a_list_goes_on_over_all_pages(client: Client) -> None:
    entity_id = await entity(client)
    made = [(await client.user.create(a_user(entity_id)))["userId"] for _ in range(5)]
    listed = [each["id"] async for each in client.user.list_all(ListUsers(limit=2))]
    assert listed == made
    assert len((await client.user.list(ListUsers(limit=2)))["users"]) == 2


async def test_a_right_that_is_missing(partner: Partner) -> None:
    token = partner.token(scopes=["read:user"])
    client = Client(partner.deployment.nats, partner.name, token)
    with pytest.raises(MissingScope) as refused:
        await client.user.deactivate(SwitchUser(user_id=NOBODY))
    assert isinstance(refused.value, Forbidden)


async def test_a_function_is_asked_again_when_its_token_is_refused(partner: Partner) -> None:
    """Once for each request, and once more where the first is no good."""
    old = partner.deployment.token(partner.name, now=1_000_000)
    given = iter([old, partner.all_rights, partner.all_rights, old, old])

    async def next_token() -> str:
        return next(given)

    client = Client(partner.deployment.nats, partner.name, next_token)
    assert await client.user.list() == {"users": [], "next_cursor": None}
    assert await client.user.list() == {"users": [], "next_cursor": None}
    with pytest.raises(Unauthorized) as refused:
        await client.user.list()
    assert refused.value.code == "TOKEN_EXPIRED"


async def test_credentials_get_tokens_of_their_own(partner: Partner) -> None:
    """One for many requests, asked for once; another when it is revoked."""
    credentials = await Credentials.of(partner)
    source = ClientCredentials(credentials.id, credentials.secret, scope="read:user")
    client = Client(partner.deployment.nats, partner.name, source)
    await client.user.list()
    token = await client._tokens.current()
    assert token is not None
    await client.user.list()
    assert await client._tokens.current() == token
    await credentials.revoke(token)
    await client.user.list()
    with pytest.raises(MissingScope):
        await client.user.create(a_user(NOBODY))
    assert credentials.secret not in repr(source)


async def test_without_a_token(partner: Partner) -> None:
    client = Client(partner.deployment.nats, partner.name)
    assert (await client.token.jwks())["keys"]
    with pytest.raises(Unauthorized):
        await client.user.list()


async def test_what_nats_does_not_take(client: Client) -> None:
    """More than the server's `max_payload`, refused as what is more than the service reads is."""
    for size in (300_000, 2_000_000):
        request = UpdateUser.model_construct(
            _fields_set={"user_id", "first_name"}, user_id=NOBODY, first_name="x" * size
        )
        with pytest.raises(BadRequest) as refused:
            await client.user.update(request)
        assert refused.value.code == "TOO_LARGE"


@pytest.mark.parametrize("name", ["", "a.b", "*", "x" * 65])
def test_what_is_no_partner(partner: Partner, name: str) -> None:
    with pytest.raises(ValueError, match="a partner is"):
        Client(partner.deployment.nats, name)


def test_refusals_of_one_status_have_one_base() -> None:
    assert issubclass(BY_CODE["NOT_UNIQUE"], Conflict)
    assert issubclass(BY_CODE["TOKEN_EXPIRED"], Unauthorized)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.title)
def test_every_operation_is_a_method(partner: Partner, operation: Operation) -> None:
    client = Client(partner.deployment.nats, partner.name)
    method = getattr(getattr(client, operation.service), operation.name)
    assert method.__doc__.startswith(operation.description.split(maxsplit=1)[0])
    options = set(method.__annotations__)
    assert ("idempotency_key" in options) == (operation.creates is not None)
    assert ("if_match" in options) == operation.versioned


def test_queries_alone_are_always_repeated() -> None:

    constants = {
        each.title: each.repeat
        for each in vars(services).values()
        if isinstance(each, OperationOfClient)
    }
    assert constants.keys() == {operation.title for operation in OPERATIONS}
    for operation in OPERATIONS:
        is_query = constants[operation.title] is Repeat.ALWAYS
        assert is_query == (operation.kind == "query")


def test_the_client_needs_nothing_of_the_service() -> None:
    code = "import sys, schemas.client; sys.exit('service' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
