"""Modules: on or off for a domain, or by the default of the partner; obeyed by every worker."""

import asyncio

import pytest
from typing_extensions import TypedDict

from schemas.base import Empty
from schemas.organisation import ModuleSwitches
from service.app import OPERATIONS
from service.auth.scopes import Scope
from service.call import Call
from service.operation import Module, Operation, Operations
from tests import client
from tests.client import Partner
from tests.deployment import Deploy, Deployment
from tests.eventually import eventually
from tests.organisation.company import Company, new_company

ALL_ON = {module.value: True for module in Module}
ALL_OFF = dict.fromkeys(ALL_ON, False)
MODULES = {
    "identity": Module.IDENTITY,
    "preference": Module.NOTIFICATIONS,
    "account": Module.MEMBERSHIP,
    "membership": Module.MEMBERSHIP,
    "verification": Module.VERIFICATION,
}
"""The services that are of a module; the others cannot be off."""


class Heard(TypedDict):
    """That it was carried out."""

    heard: bool


def probe(module: Module) -> Operation:
    """An operation that does nothing but be of a module."""
    operations = Operations(f"probe-{module.lower()}", module=module)

    @operations.query("ask", scope=Scope.READ_USER)
    async def ask(_request: Empty, _call: Call) -> Heard:
        """Say that it was carried out."""
        return Heard(heard=True)

    return next(iter(operations))


PROBES = {module: probe(module) for module in Module}


@pytest.fixture
async def probed(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Two workers that serve the probes too."""
    monkeypatch.setattr("service.app.OPERATIONS", (*OPERATIONS, *PROBES.values()))
    for operation in PROBES.values():
        monkeypatch.setitem(client.BY_TITLE, operation.title, operation)
    return await deploy(2)


async def answers(partner: Partner, module: Module, token: str | None = None) -> set[int]:
    """The statuses that the workers give for an operation of the module."""
    asked = (partner.ask(PROBES[module].title, token=token) for _ in range(16))
    return {reply.status for reply in await asyncio.gather(*asked)}


async def set_modules(partner: Partner, admin_id: str | None = None, **modules: bool) -> object:
    """Switch modules, and give what is then in effect."""
    body = {"modules": modules} | ({"administrator_id": admin_id} if admin_id else {})
    reply = (await partner.ask("administrator.set_modules", body)).done
    assert reply["administrator_id"] == admin_id
    return reply["modules"]


async def test_a_module_that_is_off_is_off_for_its_domain_only(probed: Deployment) -> None:
    """Within 5 seconds on every worker; and within 5 seconds it is on again."""
    partner = Partner(probed)
    company, other = await new_company(partner), await new_company(partner)
    for module in Module:
        assert await answers(partner, module, company.token) == {200}
    await set_modules(partner, company.admin_id, MEMBERSHIP=False)

    async def only(status: int) -> bool:
        return await answers(partner, Module.MEMBERSHIP, company.token) == {status}

    await eventually(lambda: only(405), within=5.0)
    assert min(probed.answered) > 0, "both workers were asked"
    assert await answers(partner, Module.IDENTITY, company.token) == {200}
    assert await answers(partner, Module.MEMBERSHIP, other.token) == {200}
    assert await answers(partner, Module.MEMBERSHIP) == {200}
    assert await answers(Partner(probed), Module.MEMBERSHIP) == {200}
    await set_modules(partner, company.admin_id, MEMBERSHIP=True)
    await eventually(lambda: only(200), within=5.0)


async def test_a_domain_follows_the_default_until_it_is_set(probed: Deployment) -> None:
    """A default that is off is off for whoever has no domain, or one that says nothing."""
    partner = Partner(probed)
    set_on, unset = await new_company(partner), await new_company(partner)
    await set_modules(partner, set_on.admin_id, IDENTITY=True)
    await set_modules(partner, IDENTITY=False)

    async def only(status: int, token: str | None) -> bool:
        return await answers(partner, Module.IDENTITY, token) == {status}

    await eventually(lambda: only(405, None), within=5.0)
    await eventually(lambda: only(405, unset.token), within=5.0)
    assert await only(200, set_on.token)


async def test_every_operation_of_a_module_is_refused(probed: Deployment) -> None:
    """The whole table of operations, for a domain in which every module is off; the rest goes on.

    An operation is of the module of its service: one that forgot to say so is found here.
    """
    partner = Partner(probed)
    company = await new_company(partner)
    user = await partner.user(company.admin_id)
    await set_modules(partner, company.admin_id, **ALL_OFF)

    async def refused() -> bool:
        return all([await answers(partner, each, company.token) == {405} for each in Module])

    await eventually(refused, within=5.0)
    for operation in OPERATIONS:
        module = MODULES.get(operation.service)
        assert operation.module is module, operation.title
        if operation.scope == "public":
            continue
        use = min(operation.callers)
        token = partner.token(use=use, subject=user, domain=company.admin_id)
        reply = await partner.ask(operation.title, token=token)
        assert (reply.status == 405) == (module is not None), operation.title
        if module is not None:
            assert reply.refusal == (405, "MODULE_NOT_ENABLED", None)


async def test_what_is_in_effect_is_told(partner: Partner) -> None:
    """For a domain: its own switches over the partner's default; and each change has an event."""
    company = await new_company(partner)
    assert await set_modules(partner, company.admin_id) == ALL_ON
    in_effect = await set_modules(partner, IDENTITY=False, VERIFICATION=False)
    assert in_effect == ALL_ON | {"IDENTITY": False, "VERIFICATION": False}
    in_effect = await set_modules(partner, company.admin_id, IDENTITY=True, NOTIFICATIONS=False)
    assert in_effect == ALL_ON | {"VERIFICATION": False, "NOTIFICATIONS": False}
    own = (await partner.events(company.admin_id, 2))[-1]
    assert own["type"] == "administrator.modules_set"
    assert own["data"]["changed"] == ["modules"]
    assert own["data"]["modules"] == {"IDENTITY": True, "NOTIFICATIONS": False}
    (default,) = await partner.events(partner.name, 1)
    assert default["type"] == "partner.modules_set"
    assert default["data"]["partner_id"] == partner.name
    assert default["data"]["modules"] == ALL_ON | {"IDENTITY": False, "VERIFICATION": False}


async def test_switches_that_stand_so_already_are_no_change(partner: Partner) -> None:
    """No event, the same version; for the partner's default and for a domain."""
    company = await new_company(partner)
    for admin_id, before in ((None, 0), (company.admin_id, 1)):
        for modules, version in (({}, before), ({"IDENTITY": False}, before + 1)):
            body = {"administrator_id": admin_id, "modules": modules}
            for _ in range(2):
                reply = await partner.ask("administrator.set_modules", body)
                assert reply.version == version


async def test_racing_first_switches_of_a_partner_all_land(deploy: Deploy) -> None:
    """Each of the four sets its own module, on two workers; none is lost."""
    partner = Partner(await deploy(2))
    await asyncio.gather(*(set_modules(partner, None, **{module: False}) for module in ALL_OFF))
    assert await set_modules(partner) == ALL_OFF
    assert len(await partner.events(partner.name, 4)) == 4


async def test_set_modules_obeys_if_match(partner: Partner) -> None:
    """For the partner's default, of which nothing was ever set, the version is 0."""
    body = {"modules": {"IDENTITY": False}}
    reply = await partner.ask("administrator.set_modules", body, if_match="1")
    assert reply.refusal == (409, "VERSION_CONFLICT", None)
    assert (await partner.ask("administrator.set_modules", body, if_match="0")).version == 1


@pytest.mark.parametrize(
    ("modules", "error"),
    [
        ({"PAYROLL": True}, ("UNKNOWN_FIELD", "modules.PAYROLL")),
        ({"IDENTITY": 1}, ("INVALID_FORMAT", "modules.IDENTITY")),
        ({"IDENTITY": None}, ("INVALID_FORMAT", "modules.IDENTITY")),
    ],
)
async def test_only_the_four_modules_can_be_set(
    partner: Partner, modules: object, error: tuple[str, str]
) -> None:
    """To true or false."""
    reply = await partner.ask("administrator.set_modules", {"modules": modules})
    assert (reply.status, reply.errors) == (400, [error])


async def test_an_unknown_administrator_has_no_modules(partner: Partner) -> None:
    """Nor has a business."""
    company: Company = await new_company(partner)
    body = {"administrator_id": await company.business(), "modules": {}}
    reply = await partner.ask("administrator.set_modules", body)
    assert reply.refusal == (404, "ENTITY_NOT_FOUND", "administrator_id")


def test_the_modules_are_those_on_the_wire() -> None:
    """The reply has a switch for each."""
    assert ModuleSwitches.__annotations__.keys() == set(Module)
