"""The types of events, and the shape of each. Made by `make schemas`: change nothing here."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from schemas.client.received import Received
from schemas.membership import AccountEventData, MembershipDecidedData, MembershipEventData
from schemas.organisation import (
    AdministratorEventData,
    AdministratorModulesData,
    BusinessEventData,
    EntityEventData,
    PartnerModulesData,
)
from schemas.person import (
    AuthorizedSignerEventData,
    BusinessContactEventData,
    ConsumerEventData,
    DependentEventData,
)
from schemas.preference import ExternalPreferencesData, MasterSwitchedData, PreferencesData
from schemas.privacy import IdentityErasedData, UserErasedData
from schemas.profile import ProfileEventData
from schemas.token import TokenRevokedData
from schemas.user import ContactEmailData, UserEventData, UserSwitchedData
from schemas.verification import VerificationEventData

EventName = Literal[
    "account.admins_changed",
    "account.created",
    "account.settled",
    "administrator.created",
    "administrator.modules_set",
    "business.created",
    "business.moved",
    "business.updated",
    "entity.created",
    "identity.authorized_signer_created",
    "identity.authorized_signer_updated",
    "identity.business_contact_created",
    "identity.business_contact_updated",
    "identity.consumer_created",
    "identity.consumer_updated",
    "identity.dependent_created",
    "identity.dependent_updated",
    "identity.erased",
    "membership.approved",
    "membership.created",
    "membership.modified",
    "membership.rejected",
    "membership.removed",
    "partner.master_switched",
    "partner.modules_set",
    "preference.external_changed",
    "preference.internal_changed",
    "profile.created",
    "token.revoked",
    "user.activated",
    "user.confirmed",
    "user.contact_email_set",
    "user.created",
    "user.deactivated",
    "user.erased",
    "user.signed_up",
    "user.updated",
    "verification.approved",
    "verification.rejected",
    "verification.submitted",
]

AccountAdminsChangedEvent: TypeAlias = Received[Literal["account.admins_changed"], AccountEventData]
"""An account has other admins."""

AccountCreatedEvent: TypeAlias = Received[Literal["account.created"], AccountEventData]
"""An account was made."""

AccountSettledEvent: TypeAlias = Received[Literal["account.settled"], AccountEventData]
"""An account has settled funds: its admins stay."""

AdministratorCreatedEvent: TypeAlias = Received[
    Literal["administrator.created"], AdministratorEventData
]
"""An administrator was made."""

AdministratorModulesSetEvent: TypeAlias = Received[
    Literal["administrator.modules_set"], AdministratorModulesData
]
"""Modules were switched for an administrator's domain."""

BusinessCreatedEvent: TypeAlias = Received[Literal["business.created"], BusinessEventData]
"""A business was made."""

BusinessMovedEvent: TypeAlias = Received[Literal["business.moved"], BusinessEventData]
"""A business has another parent."""

BusinessUpdatedEvent: TypeAlias = Received[Literal["business.updated"], BusinessEventData]
"""Fields of a business changed."""

EntityCreatedEvent: TypeAlias = Received[Literal["entity.created"], EntityEventData]
"""A personal entity was made."""

IdentityAuthorizedSignerCreatedEvent: TypeAlias = Received[
    Literal["identity.authorized_signer_created"], AuthorizedSignerEventData
]
"""A signer was made."""

IdentityAuthorizedSignerUpdatedEvent: TypeAlias = Received[
    Literal["identity.authorized_signer_updated"], AuthorizedSignerEventData
]
"""Fields of a signer changed."""

IdentityBusinessContactCreatedEvent: TypeAlias = Received[
    Literal["identity.business_contact_created"], BusinessContactEventData
]
"""A business contact was made."""

IdentityBusinessContactUpdatedEvent: TypeAlias = Received[
    Literal["identity.business_contact_updated"], BusinessContactEventData
]
"""Fields of a business contact changed."""

IdentityConsumerCreatedEvent: TypeAlias = Received[
    Literal["identity.consumer_created"], ConsumerEventData
]
"""A consumer was made."""

IdentityConsumerUpdatedEvent: TypeAlias = Received[
    Literal["identity.consumer_updated"], ConsumerEventData
]
"""Fields of a consumer changed."""

IdentityDependentCreatedEvent: TypeAlias = Received[
    Literal["identity.dependent_created"], DependentEventData
]
"""A dependent was made."""

IdentityDependentUpdatedEvent: TypeAlias = Received[
    Literal["identity.dependent_updated"], DependentEventData
]
"""Fields of a dependent changed."""

IdentityErasedEvent: TypeAlias = Received[Literal["identity.erased"], IdentityErasedData]
"""All that was held on a person is erased."""

MembershipApprovedEvent: TypeAlias = Received[Literal["membership.approved"], MembershipDecidedData]
"""A proposed admin became one."""

MembershipCreatedEvent: TypeAlias = Received[Literal["membership.created"], MembershipEventData]
"""A user was given a role in an account."""

MembershipModifiedEvent: TypeAlias = Received[Literal["membership.modified"], MembershipEventData]
"""A user's role changed, or is proposed to."""

MembershipRejectedEvent: TypeAlias = Received[Literal["membership.rejected"], MembershipDecidedData]
"""A proposed admin did not become one."""

MembershipRemovedEvent: TypeAlias = Received[Literal["membership.removed"], MembershipEventData]
"""A user has no role in an account any more."""

PartnerMasterSwitchedEvent: TypeAlias = Received[
    Literal["partner.master_switched"], MasterSwitchedData
]
"""Media were turned on or off for all."""

PartnerModulesSetEvent: TypeAlias = Received[Literal["partner.modules_set"], PartnerModulesData]
"""The default of a partner's modules was changed."""

PreferenceExternalChangedEvent: TypeAlias = Received[
    Literal["preference.external_changed"], ExternalPreferencesData
]
"""What lets a message out to a person changed."""

PreferenceInternalChangedEvent: TypeAlias = Received[
    Literal["preference.internal_changed"], PreferencesData
]
"""What makes a message for a person changed."""

ProfileCreatedEvent: TypeAlias = Received[Literal["profile.created"], ProfileEventData]
"""A user has another profile."""

TokenRevokedEvent: TypeAlias = Received[Literal["token.revoked"], TokenRevokedData]
"""The tokens of a session work no more: somebody revoked them, or used a refresh token twice."""

UserActivatedEvent: TypeAlias = Received[Literal["user.activated"], UserSwitchedData]
"""A user may act again."""

UserConfirmedEvent: TypeAlias = Received[Literal["user.confirmed"], UserEventData]
"""A user reads its e-mail."""

UserContactEmailSetEvent: TypeAlias = Received[Literal["user.contact_email_set"], ContactEmailData]
"""A user has another contact e-mail."""

UserCreatedEvent: TypeAlias = Received[Literal["user.created"], UserEventData]
"""A user was made."""

UserDeactivatedEvent: TypeAlias = Received[Literal["user.deactivated"], UserSwitchedData]
"""A user may no longer act."""

UserErasedEvent: TypeAlias = Received[Literal["user.erased"], UserErasedData]
"""All that was held on a user is erased."""

UserSignedUpEvent: TypeAlias = Received[Literal["user.signed_up"], UserEventData]
"""A user has signed up."""

UserUpdatedEvent: TypeAlias = Received[Literal["user.updated"], UserEventData]
"""Fields of a user changed."""

VerificationApprovedEvent: TypeAlias = Received[
    Literal["verification.approved"], VerificationEventData
]
"""A verification was approved."""

VerificationRejectedEvent: TypeAlias = Received[
    Literal["verification.rejected"], VerificationEventData
]
"""A verification was rejected."""

VerificationSubmittedEvent: TypeAlias = Received[
    Literal["verification.submitted"], VerificationEventData
]
"""A verification was asked for."""

AnyEvent: TypeAlias = (
    AccountAdminsChangedEvent
    | AccountCreatedEvent
    | AccountSettledEvent
    | AdministratorCreatedEvent
    | AdministratorModulesSetEvent
    | BusinessCreatedEvent
    | BusinessMovedEvent
    | BusinessUpdatedEvent
    | EntityCreatedEvent
    | IdentityAuthorizedSignerCreatedEvent
    | IdentityAuthorizedSignerUpdatedEvent
    | IdentityBusinessContactCreatedEvent
    | IdentityBusinessContactUpdatedEvent
    | IdentityConsumerCreatedEvent
    | IdentityConsumerUpdatedEvent
    | IdentityDependentCreatedEvent
    | IdentityDependentUpdatedEvent
    | IdentityErasedEvent
    | MembershipApprovedEvent
    | MembershipCreatedEvent
    | MembershipModifiedEvent
    | MembershipRejectedEvent
    | MembershipRemovedEvent
    | PartnerMasterSwitchedEvent
    | PartnerModulesSetEvent
    | PreferenceExternalChangedEvent
    | PreferenceInternalChangedEvent
    | ProfileCreatedEvent
    | TokenRevokedEvent
    | UserActivatedEvent
    | UserConfirmedEvent
    | UserContactEmailSetEvent
    | UserCreatedEvent
    | UserDeactivatedEvent
    | UserErasedEvent
    | UserSignedUpEvent
    | UserUpdatedEvent
    | VerificationApprovedEvent
    | VerificationRejectedEvent
    | VerificationSubmittedEvent
)

SHAPES: Mapping[str, Any] = {
    "urn:svc-user:schema:account.admins_changed:1": AccountEventData,
    "urn:svc-user:schema:account.created:1": AccountEventData,
    "urn:svc-user:schema:account.settled:1": AccountEventData,
    "urn:svc-user:schema:administrator.created:1": AdministratorEventData,
    "urn:svc-user:schema:administrator.modules_set:1": AdministratorModulesData,
    "urn:svc-user:schema:business.created:1": BusinessEventData,
    "urn:svc-user:schema:business.moved:1": BusinessEventData,
    "urn:svc-user:schema:business.updated:1": BusinessEventData,
    "urn:svc-user:schema:entity.created:1": EntityEventData,
    "urn:svc-user:schema:identity.authorized_signer_created:1": AuthorizedSignerEventData,
    "urn:svc-user:schema:identity.authorized_signer_updated:1": AuthorizedSignerEventData,
    "urn:svc-user:schema:identity.business_contact_created:1": BusinessContactEventData,
    "urn:svc-user:schema:identity.business_contact_updated:1": BusinessContactEventData,
    "urn:svc-user:schema:identity.consumer_created:1": ConsumerEventData,
    "urn:svc-user:schema:identity.consumer_updated:1": ConsumerEventData,
    "urn:svc-user:schema:identity.dependent_created:1": DependentEventData,
    "urn:svc-user:schema:identity.dependent_updated:1": DependentEventData,
    "urn:svc-user:schema:identity.erased:1": IdentityErasedData,
    "urn:svc-user:schema:membership.approved:1": MembershipDecidedData,
    "urn:svc-user:schema:membership.created:1": MembershipEventData,
    "urn:svc-user:schema:membership.modified:1": MembershipEventData,
    "urn:svc-user:schema:membership.rejected:1": MembershipDecidedData,
    "urn:svc-user:schema:membership.removed:1": MembershipEventData,
    "urn:svc-user:schema:partner.master_switched:1": MasterSwitchedData,
    "urn:svc-user:schema:partner.modules_set:1": PartnerModulesData,
    "urn:svc-user:schema:preference.external_changed:1": ExternalPreferencesData,
    "urn:svc-user:schema:preference.internal_changed:1": PreferencesData,
    "urn:svc-user:schema:profile.created:1": ProfileEventData,
    "urn:svc-user:schema:token.revoked:1": TokenRevokedData,
    "urn:svc-user:schema:user.activated:1": UserSwitchedData,
    "urn:svc-user:schema:user.confirmed:1": UserEventData,
    "urn:svc-user:schema:user.contact_email_set:1": ContactEmailData,
    "urn:svc-user:schema:user.created:1": UserEventData,
    "urn:svc-user:schema:user.deactivated:1": UserSwitchedData,
    "urn:svc-user:schema:user.erased:1": UserErasedData,
    "urn:svc-user:schema:user.signed_up:1": UserEventData,
    "urn:svc-user:schema:user.updated:1": UserEventData,
    "urn:svc-user:schema:verification.approved:1": VerificationEventData,
    "urn:svc-user:schema:verification.rejected:1": VerificationEventData,
    "urn:svc-user:schema:verification.submitted:1": VerificationEventData,
}
"""The shape of an event's data, by its `dataschema`."""
