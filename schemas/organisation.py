"""svc.administrator, svc.business, svc.entity: who users and people belong to.

Sources: seed 000 (WEX: Administrators, Business Management), seed 002 (Vertex Engine).
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import (
    AfterValidator,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError
from typing_extensions import TypedDict

from schemas.base import Line, Page, PageRequest, Request, Text, Uuid, left_out
from schemas.event import EventData, EventType
from schemas.user import NewUser, wrong

_EIN = re.compile(r"(\d{2})-?(\d{7})", re.ASCII)


def _ein(value: str) -> str:
    found = _EIN.fullmatch(value)
    if found is None:
        raise PydanticCustomError("ein", "nine digits, as 12-3456789")
    return f"{found[1]}-{found[2]}"


Ein = Annotated[
    str,
    AfterValidator(_ein),
    WithJsonSchema(
        {"type": "string", "pattern": r"^[0-9]{2}-?[0-9]{7}$", "examples": ["12-3456789"]}
    ),
]
"""An employer identification number (26 CFR 301.7701-12); becomes `12-3456789`."""

BusinessType = Literal["EMPLOYER", "DIVISION", "DEPARTMENT", "BUSINESS_PARTY"]
"""What one can ask for; ADMINISTRATOR, the type of a root, stands in replies only."""

EntityType = Literal["personal", "business"]


class CreateAdministrator(Request):
    """An administrator: the root business of a new domain."""

    administrator_code: Line
    business_name: Line
    business_ein: Ein
    business_alias: Line
    business_exchange_id: Line | None = None


class AdministratorId(Request):
    """An administrator, by its id."""

    administrator_id: Uuid


class SwitchModules(Request):
    """Which modules to switch on and off; those left out stay."""

    IDENTITY: bool = left_out()
    NOTIFICATIONS: bool = left_out()
    MEMBERSHIP: bool = left_out()
    VERIFICATION: bool = left_out()

    @property
    def switches(self) -> dict[str, bool]:
        """Those that were sent."""
        return self.model_dump(exclude_unset=True)


class SetModules(Request):
    """Switches of modules, for a domain or for the partner."""

    administrator_id: Uuid | None = Field(
        default=None, description="Left out for the default of the whole partner."
    )
    modules: SwitchModules


class CreateBusiness(Request):
    """A business under an administrator."""

    name: Line
    alias: Line
    ein: Ein
    admin_id: Uuid
    business_type: BusinessType
    parent_id: Uuid | None = Field(default=None, description="Left out for the administrator.")
    exchange_id: Line | None = None


class UpdateBusiness(Request):
    """The business, and what is to change; what is left out stays."""

    business_id: Uuid
    name: Line = left_out()
    alias: Line = left_out()
    ein: Ein = left_out()
    exchange_id: Line = left_out()


class MoveBusiness(Request):
    """The business, and its new parent."""

    business_id: Uuid
    parent_id: Uuid


class BusinessId(Request):
    """A business, by its id."""

    business_id: Uuid


class ListBusinesses(PageRequest):
    """Which businesses; the filters combine."""

    name: Line | None = Field(default=None, description="Part of the name, whatever the case.")
    ein: Ein | None = None
    alias: Line | None = None
    parent_id: Uuid | None = None
    business_type: BusinessType | None = None


class BusinessesBelow(PageRequest):
    """The businesses below one."""

    business_id: Uuid
    depth: int | None = Field(
        default=None, ge=1, le=10_000, description="Levels at most; left out for all."
    )


class CreateEntity(Request):
    """An entity: a personal one, with its user, or a business one."""

    entity_type: EntityType

    @model_validator(mode="wrap")
    @classmethod
    def _of_its_type(
        cls, value: Any, handler: ModelWrapValidatorHandler["CreateEntity"]
    ) -> "CreateEntity":
        if cls is not CreateEntity or not isinstance(value, dict):
            return handler(value)
        if "entity_type" not in value:
            problem = wrong("entity_type", "missing", "Field required")
            raise ValidationError.from_exception_data("entity", [problem])
        kind = value["entity_type"]
        if kind == "personal":
            return CreatePersonalEntity.model_validate(value)
        if kind == "business":
            return CreateBusinessEntity.model_validate(value)
        problem = wrong("entity_type", "not_allowed", "personal or business")
        raise ValidationError.from_exception_data("entity", [problem])

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The schema of either form, for the form itself its own."""
        if cls is not CreateEntity:
            return handler(core_schema)
        forms = (CreatePersonalEntity, CreateBusinessEntity)
        return {
            "title": cls.__name__,
            "description": cls.__doc__,
            "type": "object",
            "oneOf": [handler(form.__pydantic_core_schema__) for form in forms],
        }


class CreatePersonalEntity(CreateEntity, NewUser):
    """A person: the entity, and all that is told of its one user, who is made with it."""

    entity_type: Literal["personal"]


class CreateBusinessEntity(CreateEntity):
    """A business; its users are created one by one."""

    entity_type: Literal["business"]
    registration_number: Line
    trading_name: Text
    parent_id: Uuid | None = Field(default=None, description="Left out for a root of its own.")


class EntityId(Request):
    """An entity, by its id."""

    entity_id: Uuid


class ListEntities(PageRequest):
    """Which entities."""

    entity_type: EntityType | None = None


class Administrator(TypedDict):
    """An administrator."""

    administrator_id: str
    administrator_code: str
    business_name: str
    business_ein: str
    business_alias: str
    business_exchange_id: str | None
    created_at: datetime
    version: int


class AdministratorList(Page):
    """A page of administrators."""

    items: list[Administrator]


class ModuleSwitches(TypedDict):
    """Which modules are on."""

    IDENTITY: bool
    NOTIFICATIONS: bool
    MEMBERSHIP: bool
    VERIFICATION: bool


class ModulesInEffect(TypedDict):
    """Which modules are on for a domain; without one, by the default of the partner."""

    administrator_id: str | None
    modules: ModuleSwitches


class Business(TypedDict):
    """A business as part of the hierarchy; an administrator, where one stands in its place."""

    business_id: str
    name: str
    alias: str | None
    ein: str | None
    business_type: str
    admin_id: str | None
    parent_id: str | None
    exchange_id: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class BusinessList(Page):
    """A page of businesses."""

    items: list[Business]


class Lineage(TypedDict):
    """A business, its parent, and so on up to its root."""

    items: list[Business]


class EntityReference(TypedDict):
    """The id of the entity, and that of its user where one was made with it."""

    entityId: str
    userId: NotRequired[str]


class Entity(TypedDict):
    """An entity; `user_id` for a personal one only."""

    entity_id: str
    entity_type: str
    registration_number: str | None
    trading_name: str | None
    parent_id: str | None
    admin_id: str | None
    user_id: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class EntityList(Page):
    """A page of entities."""

    items: list[Entity]


class AdministratorEventData(EventData):
    """An administrator after the change."""

    administrator_id: str
    administrator: Administrator


class AdministratorModulesData(AdministratorEventData):
    """What is set for the administrator's domain itself; the rest follows the partner's default."""

    modules: dict[str, bool]


class PartnerModulesData(EventData):
    """The default of a partner."""

    partner_id: str
    modules: ModuleSwitches


class BusinessEventData(EventData):
    """A business after the change."""

    business_id: str
    business: Business


class EntityEventData(EventData):
    """An entity after the change."""

    entity_id: str
    entity: Entity


AdministratorCreated = EventType(
    "administrator.created", AdministratorEventData, "An administrator was made."
)
AdministratorModulesSet = EventType(
    "administrator.modules_set",
    AdministratorModulesData,
    "Modules were switched for an administrator's domain.",
)
PartnerModulesSet = EventType(
    "partner.modules_set", PartnerModulesData, "The default of a partner's modules was changed."
)
BusinessCreated = EventType("business.created", BusinessEventData, "A business was made.")
BusinessUpdated = EventType("business.updated", BusinessEventData, "Fields of a business changed.")
BusinessMoved = EventType("business.moved", BusinessEventData, "A business has another parent.")
EntityCreated = EventType("entity.created", EntityEventData, "A personal entity was made.")
