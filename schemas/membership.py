"""svc.account and svc.membership: who may do what in an account. Source: seed 003 (WePay)."""

from datetime import datetime
from typing import Annotated, Literal, NotRequired, Self

from pydantic import ConfigDict, Field, StringConstraints, ValidationError, model_validator
from typing_extensions import TypedDict

from schemas.base import Line, Page, PageRequest, Request, Uuid
from schemas.event import EventData, EventType
from schemas.user import wrong

Role = Literal["moderator", "admin", "member"]
Permission = Literal["VIEW", "CHANGE", "KYC_AND_BANKING"]
Story = Annotated[str, StringConstraints(max_length=1024)]
"""A text of some sentences."""

Token = Annotated[str, StringConstraints(min_length=1, max_length=8192)]


class AdminContext(Request):
    """Why a user is to be an admin, for those who approve it."""

    reason: Literal["beneficiary", "other_organizer", "other"]
    explanation: Story | None = Field(
        default=None, description="Required, and not empty, unless the reason is beneficiary."
    )

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.reason != "beneficiary" and not self.explanation:
            _refuse("explanation", "required for this reason")
        return self


class CreateAccount(Request):
    """An account, and who owns it."""

    name: Line
    owner_user_id: Uuid = Field(description="The first admin; it has confirmed its e-mail.")
    entity_id: Uuid | None = Field(default=None, description="Whose account it is.")
    description: Story | None = None


class AccountId(Request):
    """An account, by its id."""

    account_id: Uuid


class ListAccounts(PageRequest):
    """Which accounts; the filters combine."""

    user_id: Uuid | None = Field(default=None, description="Who has a role in them.")
    entity_id: Uuid | None = None


class GivenRole(Request):
    """A role in an account, and why, where it is an admin's."""

    account_id: Uuid
    role: Role
    admin_context: AdminContext | None = Field(
        default=None, description="Required with the role admin."
    )

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.role == "admin" and self.admin_context is None:
            _refuse("admin_context", "required with the role admin")
        return self


class CreateMembership(GivenRole):
    """A user to add to an account, by a token of its own."""

    member_access_token: Token = Field(description="A user's token, of who is to be added.")
    role: Role = "moderator"


class ModifyMembership(GivenRole):
    """A user of an account, and its new role."""

    user_id: Uuid


class RemoveMembership(Request):
    """A user who is to have no role in an account."""

    account_id: Uuid
    user_id: Uuid
    admin_context: AdminContext | None = None


class ApproveMembership(Request):
    """A user of an account whose proposal as an admin is accepted."""

    account_id: Uuid
    user_id: Uuid
    reason: Line | None = Field(default=None, description="Kept with the event.")


class RejectMembership(Request):
    """A user of an account whose proposal as an admin is refused, and why."""

    account_id: Uuid
    user_id: Uuid
    reason: Line = Field(description="Kept with the event.")


class ListMemberships(PageRequest):
    """Whose memberships: of an account, of a user, or one user's in one account."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"account_id": "01a1ffd5-257b-7695-a98e-100d796fdba9"}]}
    )

    account_id: Uuid | None = Field(default=None, description="This or `user_id` is required.")
    user_id: Uuid | None = Field(default=None, description="This or `account_id` is required.")
    role: Role | None = None
    pending: bool | None = Field(
        default=None, description="Whether the user is proposed as an admin."
    )

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if self.account_id is None and self.user_id is None:
            _refuse("account_id", "this or user_id is required")
        return self


class CheckPermission(Request):
    """What a user wants to do in an account."""

    account_id: Uuid
    user_id: Uuid
    permission: Permission


def _refuse(path: str, message: str) -> None:
    problem = wrong(path, "missing", message)
    raise ValidationError.from_exception_data("membership", [problem])


class Account(TypedDict):
    """An account."""

    account_id: str
    name: str
    description: str | None
    entity_id: str | None
    owner_user_id: str
    settled: bool
    settled_at: datetime | None
    created_at: datetime
    version: int


class AccountList(Page):
    """A page of accounts."""

    items: list[Account]


class AdminContextView(TypedDict):
    """Why a user was to be an admin."""

    reason: str
    explanation: str | None


class MembershipRole(TypedDict):
    """A user's role in an account; `pending_role` only while the user is proposed as an admin."""

    account_id: str
    user_id: str
    role: str
    pending_role: NotRequired[str]


class Membership(TypedDict):
    """A user's part in an account; the role is `none` once it is removed."""

    membership_id: str
    account_id: str
    user_id: str
    role: str
    pending_role: str | None
    admin_context: AdminContextView | None
    created_at: datetime
    updated_at: datetime
    version: int


class MembershipList(Page):
    """A page of memberships."""

    items: list[Membership]


class PermissionAnswer(TypedDict):
    """Whether the user may, and the role that says so; `none` for who has no role."""

    allowed: bool
    role: str


class AccountEventData(EventData):
    """An account after the change, and its admins."""

    account_id: str
    account: Account
    admins: list[str]


class MembershipEventData(EventData):
    """A membership after the change."""

    membership_id: str
    account_id: str
    user_id: str
    membership: Membership


class MembershipDecidedData(MembershipEventData):
    """A membership after a proposal was approved or rejected, and why."""

    reason: str | None


AccountCreated = EventType("account.created", AccountEventData, "An account was made.")
AccountAdminsChanged = EventType(
    "account.admins_changed", AccountEventData, "An account has other admins."
)
AccountSettled = EventType(
    "account.settled", AccountEventData, "An account has settled funds: its admins stay."
)
MembershipCreated = EventType(
    "membership.created", MembershipEventData, "A user was given a role in an account."
)
MembershipModified = EventType(
    "membership.modified", MembershipEventData, "A user's role changed, or is proposed to."
)
MembershipRemoved = EventType(
    "membership.removed", MembershipEventData, "A user has no role in an account any more."
)
MembershipApproved = EventType(
    "membership.approved", MembershipDecidedData, "A proposed admin became one."
)
MembershipRejected = EventType(
    "membership.rejected", MembershipDecidedData, "A proposed admin did not become one."
)
