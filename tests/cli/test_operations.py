"""`svc-user operations`: all of them, and one in full with an example that is valid."""

import json
import shlex

import pytest

from service.app import OPERATIONS
from service.auth.scopes import USERS
from service.catalogue.fields import example_of, fields_of
from service.operation import Operation
from tests.cli.conftest import Invoke


async def test_every_operation_is_listed(invoke: Invoke) -> None:
    result = await invoke("operations")
    assert result.exit_code == 0
    for operation in OPERATIONS:
        assert operation.subject.replace("*", "<partner>") in result.stdout


async def test_the_list_as_json_has_the_schemas(invoke: Invoke) -> None:
    listed = json.loads((await invoke("operations", "--json")).stdout)
    assert [each["title"] for each in listed] == [operation.title for operation in OPERATIONS]
    assert "first_name" in listed[0]["request"]["properties"]


async def test_one_in_full_has_fields_rules_refusals_and_an_example(invoke: Invoke) -> None:
    shown = (await invoke("operations", "user.create")).stdout
    for text in ("svc.user.<partner_id>.create", "write:user", "user.created", "ENTITY_NOT_FOUND"):
        assert text in shown
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert "National | passport" in lines["id_type"]
    assert "2 to 256 characters" in lines["first_name"]
    assert "or null" in lines["address.state"]
    *_, body = shlex.split(lines["svc-user"])
    assert json.loads(body)["first_name"] == "Ann"


async def test_a_rule_is_shown_as_it_is(invoke: Invoke) -> None:
    """Whatever brackets it has."""
    assert "^[a-z_]+\\.[a-z_]+$" in (await invoke("operations", "privacy.history")).stdout


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.title)
async def test_what_is_shown_is_what_can_be(invoke: Invoke, operation: Operation) -> None:
    """Where no token is asked for, none is refused; where a user's is, the example has one."""
    shown = (await invoke("operations", operation.title)).stdout
    public = operation.scope == "public"
    for text in ("Authorization", "TOKEN_EXPIRED", "WRONG_PARTNER"):
        assert (text in shown) != public
    of_users = operation.callers == USERS and not public
    assert (" --user 0199f6a4-" in shown) == of_users


async def test_a_closed_list_is_shown(invoke: Invoke) -> None:
    """Also where a text may stand in its place."""
    shown = (await invoke("operations", "identity.list_authorized_signers")).stdout
    assert "list of PROTECTED_PERSONAL_DATA | ADDRESSES | PHONE_NUMBERS or string" in shown


async def test_an_unknown_one_is_answered_with_those_near(invoke: Invoke) -> None:
    result = await invoke("operations", "user.crate")
    assert result.exit_code == 2
    assert "user.create" in result.stderr


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.title)
def test_every_example_is_valid(operation: Operation) -> None:
    """And has the fields that are required, no more."""
    schema = operation.request.model_json_schema()
    example = example_of(schema)
    operation.request.model_validate_json(json.dumps(example))
    outermost = [field for field in fields_of(schema) if "." not in field.path]
    required = {field.path for field in outermost if field.required}
    # Of several forms of a request, the example is in one, and the fields are of all.
    if "examples" not in schema:
        assert set(example) < required if "oneOf" in schema else set(example) == required
