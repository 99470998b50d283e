"""The operations of svc-user, a method each. Made by `make schemas`: change nothing here."""

from collections.abc import AsyncIterator

from schemas.base import Empty, PageRequest
from schemas.client.contract import Ask, Operation, Repeat, pages
from schemas.identity import (
    ConsumerExpanded,
    CreateAuthorizedSigner,
    CreateBusinessContact,
    CreateConsumer,
    CreateDependent,
    DependentsExpanded,
    FindBySsn,
    ListBusinessContacts,
    ListConsumers,
    PersonId,
    SignersExpanded,
    UpdateAuthorizedSigner,
    UpdateBusinessContact,
    UpdateConsumer,
    UpdateDependent,
)
from schemas.membership import (
    Account,
    AccountId,
    AccountList,
    ApproveMembership,
    CheckPermission,
    CreateAccount,
    CreateMembership,
    ListAccounts,
    ListMemberships,
    Membership,
    MembershipList,
    MembershipRole,
    ModifyMembership,
    PermissionAnswer,
    RejectMembership,
    RemoveMembership,
)
from schemas.organisation import (
    Administrator,
    AdministratorId,
    AdministratorList,
    Business,
    BusinessesBelow,
    BusinessId,
    BusinessList,
    CreateAdministrator,
    CreateBusiness,
    CreateEntity,
    Entity,
    EntityId,
    EntityList,
    EntityReference,
    Lineage,
    ListBusinesses,
    ListEntities,
    ModulesInEffect,
    MoveBusiness,
    SetModules,
    UpdateBusiness,
)
from schemas.person import (
    AuthorizedSigner,
    AuthorizedSigners,
    BusinessContact,
    BusinessContactList,
    Consumer,
    ConsumerList,
    Dependent,
    Dependents,
    Household,
    Person,
    Persons,
)
from schemas.preference import (
    Evaluate,
    Evaluation,
    ExternalPreferences,
    Master,
    PersonPreferences,
    PreferenceCatalogue,
    Preferences,
    PutExternalPreferences,
    PutMaster,
    PutPreferences,
)
from schemas.privacy import (
    Access,
    AccessLogPage,
    Erased,
    ErasePerson,
    Export,
    ExportItem,
    ExportPerson,
    History,
    HistoryEntry,
    ReadAccessLog,
    ReadHistory,
)
from schemas.profile import CreateProfile, ListProfiles, Profile, ProfileId, ProfileList
from schemas.signup import ConfirmationCode, ConfirmUser, SignUp, UserConfirmedReply
from schemas.token import IssuedToken, IssueToken, Jwks, RevokedToken, RevokeToken
from schemas.user import (
    ContactEmail,
    CreateUser,
    ListUsers,
    SetContactEmail,
    SwitchUser,
    UpdateUser,
    UserActive,
    UserEmail,
    UserExists,
    UserId,
    UserList,
    UserObject,
    UserRecord,
    UserReference,
)
from schemas.verification import (
    DecideVerification,
    ListVerifications,
    SubmitVerification,
    Verification,
    VerificationId,
    VerificationList,
)

USER_CREATE: Operation[CreateUser, UserReference] = Operation(
    "user", "create", UserReference, Repeat.BY_KEY
)
USER_UPDATE: Operation[UpdateUser, UserReference] = Operation(
    "user", "update", UserReference, Repeat.BY_VERSION
)
USER_LIST: Operation[ListUsers, UserList] = Operation("user", "list", UserList, Repeat.ALWAYS)
USER_GET: Operation[UserId, UserObject] = Operation("user", "get", UserObject, Repeat.ALWAYS)
USER_ME: Operation[Empty, UserObject] = Operation("user", "me", UserObject, Repeat.ALWAYS)
USER_EXISTS: Operation[UserEmail, UserExists] = Operation(
    "user", "exists", UserExists, Repeat.ALWAYS
)
USER_SET_CONTACT_EMAIL: Operation[SetContactEmail, ContactEmail] = Operation(
    "user", "set_contact_email", ContactEmail, Repeat.BY_VERSION
)
USER_GET_CONTACT_EMAIL: Operation[UserId, ContactEmail] = Operation(
    "user", "get_contact_email", ContactEmail, Repeat.ALWAYS
)
USER_DEACTIVATE: Operation[SwitchUser, UserActive] = Operation(
    "user", "deactivate", UserActive, Repeat.BY_VERSION
)
USER_ACTIVATE: Operation[SwitchUser, UserActive] = Operation(
    "user", "activate", UserActive, Repeat.BY_VERSION
)
USER_SIGNUP: Operation[SignUp, UserObject] = Operation("user", "signup", UserObject, Repeat.BY_KEY)
USER_SEND_CONFIRMATION: Operation[UserId, ConfirmationCode] = Operation(
    "user", "send_confirmation", ConfirmationCode, Repeat.BY_VERSION
)
USER_CONFIRM: Operation[ConfirmUser, UserConfirmedReply] = Operation(
    "user", "confirm", UserConfirmedReply, Repeat.BY_VERSION
)
TOKEN_ISSUE: Operation[IssueToken, IssuedToken] = Operation(
    "token", "issue", IssuedToken, Repeat.NEVER, public=True
)
TOKEN_REVOKE: Operation[RevokeToken, RevokedToken] = Operation(
    "token", "revoke", RevokedToken, Repeat.NEVER, public=True
)
TOKEN_JWKS: Operation[Empty, Jwks] = Operation("token", "jwks", Jwks, Repeat.ALWAYS, public=True)
PROFILE_CREATE: Operation[CreateProfile, Profile] = Operation(
    "profile", "create", Profile, Repeat.BY_KEY
)
PROFILE_GET: Operation[ProfileId, Profile] = Operation("profile", "get", Profile, Repeat.ALWAYS)
PROFILE_LIST: Operation[ListProfiles, ProfileList] = Operation(
    "profile", "list", ProfileList, Repeat.ALWAYS
)
ADMINISTRATOR_CREATE: Operation[CreateAdministrator, Administrator] = Operation(
    "administrator", "create", Administrator, Repeat.BY_KEY
)
ADMINISTRATOR_GET: Operation[AdministratorId, Administrator] = Operation(
    "administrator", "get", Administrator, Repeat.ALWAYS
)
ADMINISTRATOR_LIST: Operation[PageRequest, AdministratorList] = Operation(
    "administrator", "list", AdministratorList, Repeat.ALWAYS
)
ADMINISTRATOR_SET_MODULES: Operation[SetModules, ModulesInEffect] = Operation(
    "administrator", "set_modules", ModulesInEffect, Repeat.BY_VERSION
)
BUSINESS_CREATE: Operation[CreateBusiness, Business] = Operation(
    "business", "create", Business, Repeat.BY_KEY
)
BUSINESS_UPDATE: Operation[UpdateBusiness, Business] = Operation(
    "business", "update", Business, Repeat.BY_VERSION
)
BUSINESS_MOVE: Operation[MoveBusiness, Business] = Operation(
    "business", "move", Business, Repeat.BY_VERSION
)
BUSINESS_GET: Operation[BusinessId, Business] = Operation(
    "business", "get", Business, Repeat.ALWAYS
)
BUSINESS_LIST: Operation[ListBusinesses, BusinessList] = Operation(
    "business", "list", BusinessList, Repeat.ALWAYS
)
BUSINESS_LINEAGE: Operation[BusinessId, Lineage] = Operation(
    "business", "lineage", Lineage, Repeat.ALWAYS
)
BUSINESS_DESCENDANTS: Operation[BusinessesBelow, BusinessList] = Operation(
    "business", "descendants", BusinessList, Repeat.ALWAYS
)
ENTITY_CREATE: Operation[CreateEntity, EntityReference] = Operation(
    "entity", "create", EntityReference, Repeat.BY_KEY
)
ENTITY_GET: Operation[EntityId, Entity] = Operation("entity", "get", Entity, Repeat.ALWAYS)
ENTITY_LIST: Operation[ListEntities, EntityList] = Operation(
    "entity", "list", EntityList, Repeat.ALWAYS
)
ACCOUNT_CREATE: Operation[CreateAccount, Account] = Operation(
    "account", "create", Account, Repeat.BY_KEY
)
ACCOUNT_GET: Operation[AccountId, Account] = Operation("account", "get", Account, Repeat.ALWAYS)
ACCOUNT_LIST: Operation[ListAccounts, AccountList] = Operation(
    "account", "list", AccountList, Repeat.ALWAYS
)
ACCOUNT_RECORD_SETTLEMENT: Operation[AccountId, Account] = Operation(
    "account", "record_settlement", Account, Repeat.BY_VERSION
)
MEMBERSHIP_CREATE: Operation[CreateMembership, MembershipRole] = Operation(
    "membership", "create", MembershipRole, Repeat.BY_KEY
)
MEMBERSHIP_MODIFY: Operation[ModifyMembership, MembershipRole] = Operation(
    "membership", "modify", MembershipRole, Repeat.BY_VERSION
)
MEMBERSHIP_REMOVE: Operation[RemoveMembership, MembershipRole] = Operation(
    "membership", "remove", MembershipRole, Repeat.BY_VERSION
)
MEMBERSHIP_APPROVE: Operation[ApproveMembership, MembershipRole] = Operation(
    "membership", "approve", MembershipRole, Repeat.BY_VERSION
)
MEMBERSHIP_REJECT: Operation[RejectMembership, MembershipRole] = Operation(
    "membership", "reject", MembershipRole, Repeat.BY_VERSION
)
MEMBERSHIP_LIST: Operation[ListMemberships, MembershipList] = Operation(
    "membership", "list", MembershipList, Repeat.ALWAYS
)
MEMBERSHIP_CHECK: Operation[CheckPermission, PermissionAnswer] = Operation(
    "membership", "check", PermissionAnswer, Repeat.ALWAYS
)
IDENTITY_GET_PERSON: Operation[PersonId, Person] = Operation(
    "identity", "get_person", Person, Repeat.ALWAYS
)
IDENTITY_FIND_BY_SSN: Operation[FindBySsn, Persons] = Operation(
    "identity", "find_by_ssn", Persons, Repeat.ALWAYS
)
IDENTITY_CREATE_CONSUMER: Operation[CreateConsumer, Consumer] = Operation(
    "identity", "create_consumer", Consumer, Repeat.BY_KEY
)
IDENTITY_UPDATE_CONSUMER: Operation[UpdateConsumer, Consumer] = Operation(
    "identity", "update_consumer", Consumer, Repeat.BY_VERSION
)
IDENTITY_GET_CONSUMER: Operation[ConsumerExpanded, Consumer] = Operation(
    "identity", "get_consumer", Consumer, Repeat.ALWAYS
)
IDENTITY_LIST_CONSUMERS: Operation[ListConsumers, ConsumerList] = Operation(
    "identity", "list_consumers", ConsumerList, Repeat.ALWAYS
)
IDENTITY_CREATE_DEPENDENT: Operation[CreateDependent, Dependent] = Operation(
    "identity", "create_dependent", Dependent, Repeat.BY_KEY
)
IDENTITY_UPDATE_DEPENDENT: Operation[UpdateDependent, Dependent] = Operation(
    "identity", "update_dependent", Dependent, Repeat.BY_VERSION
)
IDENTITY_LIST_DEPENDENTS: Operation[DependentsExpanded, Dependents] = Operation(
    "identity", "list_dependents", Dependents, Repeat.ALWAYS
)
IDENTITY_CREATE_AUTHORIZED_SIGNER: Operation[CreateAuthorizedSigner, AuthorizedSigner] = Operation(
    "identity", "create_authorized_signer", AuthorizedSigner, Repeat.BY_KEY
)
IDENTITY_UPDATE_AUTHORIZED_SIGNER: Operation[UpdateAuthorizedSigner, AuthorizedSigner] = Operation(
    "identity", "update_authorized_signer", AuthorizedSigner, Repeat.BY_VERSION
)
IDENTITY_LIST_AUTHORIZED_SIGNERS: Operation[SignersExpanded, AuthorizedSigners] = Operation(
    "identity", "list_authorized_signers", AuthorizedSigners, Repeat.ALWAYS
)
IDENTITY_HOUSEHOLD: Operation[ConsumerExpanded, Household] = Operation(
    "identity", "household", Household, Repeat.ALWAYS
)
IDENTITY_CREATE_BUSINESS_CONTACT: Operation[CreateBusinessContact, BusinessContact] = Operation(
    "identity", "create_business_contact", BusinessContact, Repeat.BY_KEY
)
IDENTITY_UPDATE_BUSINESS_CONTACT: Operation[UpdateBusinessContact, BusinessContact] = Operation(
    "identity", "update_business_contact", BusinessContact, Repeat.BY_VERSION
)
IDENTITY_LIST_BUSINESS_CONTACTS: Operation[ListBusinessContacts, BusinessContactList] = Operation(
    "identity", "list_business_contacts", BusinessContactList, Repeat.ALWAYS
)
VERIFICATION_SUBMIT: Operation[SubmitVerification, Verification] = Operation(
    "verification", "submit", Verification, Repeat.BY_KEY
)
VERIFICATION_DECIDE: Operation[DecideVerification, Verification] = Operation(
    "verification", "decide", Verification, Repeat.BY_VERSION
)
VERIFICATION_GET: Operation[VerificationId, Verification] = Operation(
    "verification", "get", Verification, Repeat.ALWAYS
)
VERIFICATION_LIST: Operation[ListVerifications, VerificationList] = Operation(
    "verification", "list", VerificationList, Repeat.ALWAYS
)
PREFERENCE_GET: Operation[PersonPreferences, Preferences] = Operation(
    "preference", "get", Preferences, Repeat.ALWAYS
)
PREFERENCE_PUT: Operation[PutPreferences, Preferences] = Operation(
    "preference", "put", Preferences, Repeat.BY_VERSION
)
PREFERENCE_GET_EXTERNAL: Operation[PersonPreferences, ExternalPreferences] = Operation(
    "preference", "get_external", ExternalPreferences, Repeat.ALWAYS
)
PREFERENCE_PUT_EXTERNAL: Operation[PutExternalPreferences, ExternalPreferences] = Operation(
    "preference", "put_external", ExternalPreferences, Repeat.BY_VERSION
)
PREFERENCE_GET_MASTER: Operation[Empty, Master] = Operation(
    "preference", "get_master", Master, Repeat.ALWAYS
)
PREFERENCE_PUT_MASTER: Operation[PutMaster, Master] = Operation(
    "preference", "put_master", Master, Repeat.BY_VERSION
)
PREFERENCE_EVALUATE: Operation[Evaluate, Evaluation] = Operation(
    "preference", "evaluate", Evaluation, Repeat.ALWAYS
)
PREFERENCE_CATALOGUE: Operation[Empty, PreferenceCatalogue] = Operation(
    "preference", "catalogue", PreferenceCatalogue, Repeat.ALWAYS
)
PRIVACY_HISTORY: Operation[ReadHistory, History] = Operation(
    "privacy", "history", History, Repeat.ALWAYS
)
PRIVACY_ACCESS_LOG: Operation[ReadAccessLog, AccessLogPage] = Operation(
    "privacy", "access_log", AccessLogPage, Repeat.ALWAYS
)
PRIVACY_EXPORT: Operation[ExportPerson, Export] = Operation(
    "privacy", "export", Export, Repeat.ALWAYS
)
PRIVACY_ERASE: Operation[ErasePerson, Erased] = Operation("privacy", "erase", Erased, Repeat.BY_KEY)


class UserService:
    """svc.user."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def create(
        self,
        request: CreateUser,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> UserReference:
        """Create a user of a business entity, with its profile for that business.

        Refuses: ENTITY_IS_PERSONAL, ENTITY_NOT_FOUND, IDEMPOTENCY_KEY_REUSED, MISSING_SCOPE,
        NOT_UNIQUE, OUTSIDE_DOMAIN, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            USER_CREATE, request, idempotency_key=idempotency_key, deadline=deadline
        )
        return reply.body

    async def update(
        self, request: UpdateUser, *, if_match: int | None = None, deadline: float | None = None
    ) -> UserReference:
        """Change fields of a user; what is not sent stays, and nothing different is no change.

        Refuses: MISSING_SCOPE, NOT_UNIQUE, USER_NOT_FOUND, VERSION_CONFLICT.
        """
        reply = await self._ask(USER_UPDATE, request, if_match=if_match, deadline=deadline)
        return reply.body

    async def list(
        self, request: ListUsers | None = None, *, deadline: float | None = None
    ) -> UserList:
        """List users, oldest first. `id_number` is masked but for `read:sensitive`.

        Refuses: MISSING_SCOPE.
        """
        reply = await self._ask(
            USER_LIST, ListUsers() if request is None else request, deadline=deadline
        )
        return reply.body

    async def list_all(
        self, request: ListUsers | None = None, *, deadline: float | None = None
    ) -> AsyncIterator[UserRecord]:
        """Go through all of `list`, page after page; the deadline is a page's."""
        async for page in pages(
            self._ask, USER_LIST, ListUsers() if request is None else request, deadline
        ):
            for item in page["users"]:
                yield item

    async def get(self, request: UserId, *, deadline: float | None = None) -> UserObject:
        """Read a user.

        Refuses: MISSING_SCOPE, USER_NOT_FOUND.
        """
        reply = await self._ask(USER_GET, request, deadline=deadline)
        return reply.body

    async def me(self, *, deadline: float | None = None) -> UserObject:
        """Read the user whose token asks.

        Refuses: MISSING_SCOPE, USER_NOT_FOUND, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(USER_ME, Empty(), deadline=deadline)
        return reply.body

    async def exists(self, request: UserEmail, *, deadline: float | None = None) -> UserExists:
        """Tell whether an active user of the partner has the e-mail.

        Refuses: MISSING_SCOPE, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(USER_EXISTS, request, deadline=deadline)
        return reply.body

    async def set_contact_email(
        self,
        request: SetContactEmail,
        *,
        if_match: int | None = None,
        deadline: float | None = None,
    ) -> ContactEmail:
        """Set the address to write to, for a user registered with one that nobody reads.

        Refuses: MISSING_SCOPE, USER_NOT_FOUND, VERSION_CONFLICT.
        """
        reply = await self._ask(
            USER_SET_CONTACT_EMAIL, request, if_match=if_match, deadline=deadline
        )
        return reply.body

    async def get_contact_email(
        self, request: UserId, *, deadline: float | None = None
    ) -> ContactEmail:
        """Read a user's contact e-mail.

        Refuses: CONTACT_EMAIL_NOT_SET, MISSING_SCOPE, USER_NOT_FOUND.
        """
        reply = await self._ask(USER_GET_CONTACT_EMAIL, request, deadline=deadline)
        return reply.body

    async def deactivate(
        self, request: SwitchUser, *, if_match: int | None = None, deadline: float | None = None
    ) -> UserActive:
        """Let a user act no more: its tokens stop working, and its e-mail is free for another.

        Refuses: MISSING_SCOPE, USER_NOT_FOUND, VERSION_CONFLICT, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(USER_DEACTIVATE, request, if_match=if_match, deadline=deadline)
        return reply.body

    async def activate(
        self, request: SwitchUser, *, if_match: int | None = None, deadline: float | None = None
    ) -> UserActive:
        """Let a user act again, with new tokens: those from before stay dead.

        Refuses: MISSING_SCOPE, NOT_UNIQUE, USER_NOT_FOUND, VERSION_CONFLICT,
        WRONG_TOKEN_KIND.
        """
        reply = await self._ask(USER_ACTIVATE, request, if_match=if_match, deadline=deadline)
        return reply.body

    async def signup(
        self, request: SignUp, *, idempotency_key: str | None = None, deadline: float | None = None
    ) -> UserObject:
        """Sign up a user of no entity; the registration code is exchanged once for its token.

        Refuses: IDEMPOTENCY_KEY_REUSED, MISSING_SCOPE, NOT_UNIQUE, OUTSIDE_DOMAIN,
        WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            USER_SIGNUP, request, idempotency_key=idempotency_key, deadline=deadline
        )
        return reply.body

    async def send_confirmation(
        self, request: UserId, *, if_match: int | None = None, deadline: float | None = None
    ) -> ConfirmationCode:
        """Make a code for the partner to mail to the user; one that was made before works no
        more.

        Refuses: MISSING_SCOPE, USER_NOT_FOUND, VERSION_CONFLICT, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            USER_SEND_CONFIRMATION, request, if_match=if_match, deadline=deadline
        )
        return reply.body

    async def confirm(
        self, request: ConfirmUser, *, if_match: int | None = None, deadline: float | None = None
    ) -> UserConfirmedReply:
        """Confirm a user's e-mail by the code that was mailed there.

        Refuses: CONFIRMATION_FAILED, MISSING_SCOPE, USER_NOT_FOUND, VERSION_CONFLICT.
        """
        reply = await self._ask(USER_CONFIRM, request, if_match=if_match, deadline=deadline)
        return reply.body


class TokenService:
    """svc.token."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def issue(self, request: IssueToken, *, deadline: float | None = None) -> IssuedToken:
        """Issue a token: to a client for itself, for a registration code, or for a refresh
        token.

        A registration code serves once. With a refresh, the tokens from before stop working;
        a refresh token that is used twice ends the whole session.

        Refuses: INVALID_CLIENT, INVALID_GRANT.
        """
        reply = await self._ask(TOKEN_ISSUE, request, deadline=deadline)
        return reply.body

    async def revoke(self, request: RevokeToken, *, deadline: float | None = None) -> RevokedToken:
        """Revoke a token of the client's: the whole session that it is of (RFC 7009).

        What is no token, or not this client's, is as revoked as it can be.

        Refuses: INVALID_CLIENT.
        """
        reply = await self._ask(TOKEN_REVOKE, request, deadline=deadline)
        return reply.body

    async def jwks(self, *, deadline: float | None = None) -> Jwks:
        """The issuer's public keys, for whoever verifies its tokens (RFC 7517)."""
        reply = await self._ask(TOKEN_JWKS, Empty(), deadline=deadline)
        return reply.body


class ProfileService:
    """svc.profile."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def create(
        self,
        request: CreateProfile,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> Profile:
        """Give a user its personal profile, or one for a business; it may have each once.

        Refuses: ENTITY_IS_PERSONAL, ENTITY_NOT_FOUND, IDEMPOTENCY_KEY_REUSED, MISSING_SCOPE,
        NOT_UNIQUE, OUTSIDE_DOMAIN, USER_NOT_FOUND.
        """
        reply = await self._ask(
            PROFILE_CREATE, request, idempotency_key=idempotency_key, deadline=deadline
        )
        return reply.body

    async def get(self, request: ProfileId, *, deadline: float | None = None) -> Profile:
        """Read a profile.

        Refuses: MISSING_SCOPE, PROFILE_NOT_FOUND.
        """
        reply = await self._ask(PROFILE_GET, request, deadline=deadline)
        return reply.body

    async def list(self, request: ListProfiles, *, deadline: float | None = None) -> ProfileList:
        """List the profiles of a user, oldest first.

        Refuses: MISSING_SCOPE, USER_NOT_FOUND.
        """
        reply = await self._ask(PROFILE_LIST, request, deadline=deadline)
        return reply.body

    async def list_all(
        self, request: ListProfiles, *, deadline: float | None = None
    ) -> AsyncIterator[Profile]:
        """Go through all of `list`, page after page; the deadline is a page's."""
        async for page in pages(self._ask, PROFILE_LIST, request, deadline):
            for item in page["items"]:
                yield item


class AdministratorService:
    """svc.administrator."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def create(
        self,
        request: CreateAdministrator,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> Administrator:
        """Create an administrator, the root of a new domain; one for each Idempotency-Key, ever.

        Refuses: IDEMPOTENCY_KEY_REQUIRED, IDEMPOTENCY_KEY_REUSED, MISSING_SCOPE, NOT_UNIQUE,
        OUTSIDE_DOMAIN, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            ADMINISTRATOR_CREATE, request, idempotency_key=idempotency_key, deadline=deadline
        )
        return reply.body

    async def get(
        self, request: AdministratorId, *, deadline: float | None = None
    ) -> Administrator:
        """Read an administrator.

        Refuses: ENTITY_NOT_FOUND, MISSING_SCOPE, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(ADMINISTRATOR_GET, request, deadline=deadline)
        return reply.body

    async def list(
        self, request: PageRequest | None = None, *, deadline: float | None = None
    ) -> AdministratorList:
        """List administrators, oldest first.

        Refuses: MISSING_SCOPE, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            ADMINISTRATOR_LIST, PageRequest() if request is None else request, deadline=deadline
        )
        return reply.body

    async def list_all(
        self, request: PageRequest | None = None, *, deadline: float | None = None
    ) -> AsyncIterator[Administrator]:
        """Go through all of `list`, page after page; the deadline is a page's."""
        async for page in pages(
            self._ask, ADMINISTRATOR_LIST, PageRequest() if request is None else request, deadline
        ):
            for item in page["items"]:
                yield item

    async def set_modules(
        self, request: SetModules, *, if_match: int | None = None, deadline: float | None = None
    ) -> ModulesInEffect:
        """Switch modules for an administrator's domain; without one, the default of the partner.

        What is not set for a domain follows the default. Every worker obeys within 5 seconds.

        Refuses: ENTITY_NOT_FOUND, MISSING_SCOPE, OUTSIDE_DOMAIN, VERSION_CONFLICT,
        WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            ADMINISTRATOR_SET_MODULES, request, if_match=if_match, deadline=deadline
        )
        return reply.body


class BusinessService:
    """svc.business."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def create(
        self,
        request: CreateBusiness,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> Business:
        """Create a business under an administrator.

        Refuses: ENTITY_NOT_FOUND, IDEMPOTENCY_KEY_REUSED, INVALID_PARENT, MISSING_SCOPE,
        NOT_UNIQUE, OUTSIDE_DOMAIN, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            BUSINESS_CREATE, request, idempotency_key=idempotency_key, deadline=deadline
        )
        return reply.body

    async def update(
        self, request: UpdateBusiness, *, if_match: int | None = None, deadline: float | None = None
    ) -> Business:
        """Change fields of a business; what is not sent stays, and nothing different is no
        change.

        Refuses: ENTITY_NOT_FOUND, MISSING_SCOPE, NOT_UNIQUE, VERSION_CONFLICT,
        WRONG_TOKEN_KIND.
        """
        reply = await self._ask(BUSINESS_UPDATE, request, if_match=if_match, deadline=deadline)
        return reply.body

    async def move(
        self, request: MoveBusiness, *, if_match: int | None = None, deadline: float | None = None
    ) -> Business:
        """Give a business another parent under the same administrator; all below it comes along.

        Refuses: CYCLE, ENTITY_NOT_FOUND, INVALID_PARENT, MISSING_SCOPE, OUTSIDE_DOMAIN,
        VERSION_CONFLICT, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(BUSINESS_MOVE, request, if_match=if_match, deadline=deadline)
        return reply.body

    async def get(self, request: BusinessId, *, deadline: float | None = None) -> Business:
        """Read a business; or an administrator, as one.

        Refuses: ENTITY_NOT_FOUND, MISSING_SCOPE, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(BUSINESS_GET, request, deadline=deadline)
        return reply.body

    async def list(
        self, request: ListBusinesses | None = None, *, deadline: float | None = None
    ) -> BusinessList:
        """List businesses, oldest first; administrators have a list of their own.

        Refuses: MISSING_SCOPE, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            BUSINESS_LIST, ListBusinesses() if request is None else request, deadline=deadline
        )
        return reply.body

    async def list_all(
        self, request: ListBusinesses | None = None, *, deadline: float | None = None
    ) -> AsyncIterator[Business]:
        """Go through all of `list`, page after page; the deadline is a page's."""
        async for page in pages(
            self._ask, BUSINESS_LIST, ListBusinesses() if request is None else request, deadline
        ):
            for item in page["items"]:
                yield item

    async def lineage(self, request: BusinessId, *, deadline: float | None = None) -> Lineage:
        """List a business, its parent, and so on up to its administrator.

        Refuses: ENTITY_NOT_FOUND, MISSING_SCOPE, REPLY_TOO_LARGE, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(BUSINESS_LINEAGE, request, deadline=deadline)
        return reply.body

    async def descendants(
        self, request: BusinessesBelow, *, deadline: float | None = None
    ) -> BusinessList:
        """List the businesses below one, oldest first, whatever their level.

        Refuses: ENTITY_NOT_FOUND, MISSING_SCOPE, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(BUSINESS_DESCENDANTS, request, deadline=deadline)
        return reply.body

    async def descendants_all(
        self, request: BusinessesBelow, *, deadline: float | None = None
    ) -> AsyncIterator[Business]:
        """Go through all of `descendants`, page after page; the deadline is a page's."""
        async for page in pages(self._ask, BUSINESS_DESCENDANTS, request, deadline):
            for item in page["items"]:
                yield item


class EntityService:
    """svc.entity."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def create(
        self,
        request: CreateEntity,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> EntityReference:
        """Create a personal entity with its user; or a business one, whose users come one by
        one.

        Refuses: ENTITY_NOT_FOUND, IDEMPOTENCY_KEY_REUSED, INVALID_PARENT, MISSING_SCOPE,
        NOT_UNIQUE, OUTSIDE_DOMAIN, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            ENTITY_CREATE, request, idempotency_key=idempotency_key, deadline=deadline
        )
        return reply.body

    async def get(self, request: EntityId, *, deadline: float | None = None) -> Entity:
        """Read an entity; or an administrator, as one.

        Refuses: ENTITY_NOT_FOUND, MISSING_SCOPE, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(ENTITY_GET, request, deadline=deadline)
        return reply.body

    async def list(
        self, request: ListEntities | None = None, *, deadline: float | None = None
    ) -> EntityList:
        """List personal and business entities, oldest first; administrators have their own list.

        Refuses: MISSING_SCOPE, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            ENTITY_LIST, ListEntities() if request is None else request, deadline=deadline
        )
        return reply.body

    async def list_all(
        self, request: ListEntities | None = None, *, deadline: float | None = None
    ) -> AsyncIterator[Entity]:
        """Go through all of `list`, page after page; the deadline is a page's."""
        async for page in pages(
            self._ask, ENTITY_LIST, ListEntities() if request is None else request, deadline
        ):
            for item in page["items"]:
                yield item


class AccountService:
    """svc.account."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def create(
        self,
        request: CreateAccount,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> Account:
        """Create an account; its owner is its first admin.

        Refuses: ENTITY_NOT_FOUND, IDEMPOTENCY_KEY_REUSED, MISSING_SCOPE, MODULE_NOT_ENABLED,
        OUTSIDE_DOMAIN, USER_NOT_ACTIVE, USER_NOT_CONFIRMED, USER_NOT_FOUND, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            ACCOUNT_CREATE, request, idempotency_key=idempotency_key, deadline=deadline
        )
        return reply.body

    async def get(self, request: AccountId, *, deadline: float | None = None) -> Account:
        """Read an account.

        Refuses: ACCOUNT_NOT_FOUND, MISSING_SCOPE, MODULE_NOT_ENABLED.
        """
        reply = await self._ask(ACCOUNT_GET, request, deadline=deadline)
        return reply.body

    async def list(
        self, request: ListAccounts | None = None, *, deadline: float | None = None
    ) -> AccountList:
        """List accounts, oldest first; of a user, those that it has a role in.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED.
        """
        reply = await self._ask(
            ACCOUNT_LIST, ListAccounts() if request is None else request, deadline=deadline
        )
        return reply.body

    async def list_all(
        self, request: ListAccounts | None = None, *, deadline: float | None = None
    ) -> AsyncIterator[Account]:
        """Go through all of `list`, page after page; the deadline is a page's."""
        async for page in pages(
            self._ask, ACCOUNT_LIST, ListAccounts() if request is None else request, deadline
        ):
            for item in page["items"]:
                yield item

    async def record_settlement(
        self, request: AccountId, *, if_match: int | None = None, deadline: float | None = None
    ) -> Account:
        """Record that the account has settled funds: from now on its admins cannot change.

        Refuses: ACCOUNT_NOT_FOUND, MISSING_SCOPE, MODULE_NOT_ENABLED, VERSION_CONFLICT,
        WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            ACCOUNT_RECORD_SETTLEMENT, request, if_match=if_match, deadline=deadline
        )
        return reply.body


class MembershipService:
    """svc.membership."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def create(
        self,
        request: CreateMembership,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> MembershipRole:
        """Add a user to an account, as what an admin or a moderator of it may; an admin, as
        proposed.

        One write: a proposal changes no admin, and its approval looks at everything again.

        Refuses: ACCOUNT_NOT_FOUND, ALREADY_MEMBER, FUNDS_SETTLED, IDEMPOTENCY_KEY_REUSED,
        MODULE_NOT_ENABLED, NOT_ACCOUNT_ADMIN, USER_NOT_CONFIRMED, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            MEMBERSHIP_CREATE, request, idempotency_key=idempotency_key, deadline=deadline
        )
        return reply.body

    async def modify(
        self,
        request: ModifyMembership,
        *,
        if_match: int | None = None,
        deadline: float | None = None,
    ) -> MembershipRole:
        """Give a user of an account another role, or propose it as an admin.

        Another role is the last word on the user: a proposal that waits goes with the old
        one.

        Refuses: ACCOUNT_NOT_FOUND, FUNDS_SETTLED, LAST_ADMIN, MEMBERSHIP_NOT_FOUND,
        MODULE_NOT_ENABLED, NOT_ACCOUNT_ADMIN, USER_NOT_ACTIVE, USER_NOT_CONFIRMED,
        VERSION_CONFLICT, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(MEMBERSHIP_MODIFY, request, if_match=if_match, deadline=deadline)
        return reply.body

    async def remove(
        self,
        request: RemoveMembership,
        *,
        if_match: int | None = None,
        deadline: float | None = None,
    ) -> MembershipRole:
        """Take a user's role in an account away.

        Refuses: ACCOUNT_NOT_FOUND, FUNDS_SETTLED, LAST_ADMIN, MEMBERSHIP_NOT_FOUND,
        MODULE_NOT_ENABLED, NOT_ACCOUNT_ADMIN, VERSION_CONFLICT, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(MEMBERSHIP_REMOVE, request, if_match=if_match, deadline=deadline)
        return reply.body

    async def approve(
        self,
        request: ApproveMembership,
        *,
        if_match: int | None = None,
        deadline: float | None = None,
    ) -> MembershipRole:
        """Make a user who is proposed as an admin one.

        Refuses: ACCOUNT_NOT_FOUND, FUNDS_SETTLED, MEMBERSHIP_NOT_FOUND, MISSING_SCOPE,
        MODULE_NOT_ENABLED, NOT_PENDING, USER_NOT_ACTIVE, USER_NOT_CONFIRMED,
        VERSION_CONFLICT, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(MEMBERSHIP_APPROVE, request, if_match=if_match, deadline=deadline)
        return reply.body

    async def reject(
        self,
        request: RejectMembership,
        *,
        if_match: int | None = None,
        deadline: float | None = None,
    ) -> MembershipRole:
        """Refuse that a user becomes an admin; it keeps its role.

        Refuses: ACCOUNT_NOT_FOUND, MEMBERSHIP_NOT_FOUND, MISSING_SCOPE, MODULE_NOT_ENABLED,
        NOT_PENDING, VERSION_CONFLICT, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(MEMBERSHIP_REJECT, request, if_match=if_match, deadline=deadline)
        return reply.body

    async def list(
        self, request: ListMemberships, *, deadline: float | None = None
    ) -> MembershipList:
        """List the memberships of an account, or of a user, oldest first.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED.
        """
        reply = await self._ask(MEMBERSHIP_LIST, request, deadline=deadline)
        return reply.body

    async def list_all(
        self, request: ListMemberships, *, deadline: float | None = None
    ) -> AsyncIterator[Membership]:
        """Go through all of `list`, page after page; the deadline is a page's."""
        async for page in pages(self._ask, MEMBERSHIP_LIST, request, deadline):
            for item in page["items"]:
                yield item

    async def check(
        self, request: CheckPermission, *, deadline: float | None = None
    ) -> PermissionAnswer:
        """Tell whether a user may do something in an account: asked before every action there.

        Refuses: ACCOUNT_NOT_FOUND, MISSING_SCOPE, MODULE_NOT_ENABLED, USER_NOT_FOUND.
        """
        reply = await self._ask(MEMBERSHIP_CHECK, request, deadline=deadline)
        return reply.body


class IdentityService:
    """svc.identity."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def get_person(self, request: PersonId, *, deadline: float | None = None) -> Person:
        """Tell who this is, whatever it is: its name, its role, and where it belongs.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND.
        """
        reply = await self._ask(IDENTITY_GET_PERSON, request, deadline=deadline)
        return reply.body

    async def find_by_ssn(self, request: FindBySsn, *, deadline: float | None = None) -> Persons:
        """Find the people who have a social security number, by its keyed hash.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, REPLY_TOO_LARGE.
        """
        reply = await self._ask(IDENTITY_FIND_BY_SSN, request, deadline=deadline)
        return reply.body

    async def create_consumer(
        self,
        request: CreateConsumer,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> Consumer:
        """Create a consumer of a business. The reply has all its blocks, numbers masked.

        Refuses: ENTITY_NOT_FOUND, IDEMPOTENCY_KEY_REUSED, MISSING_SCOPE, MODULE_NOT_ENABLED,
        OUTSIDE_DOMAIN.
        """
        reply = await self._ask(
            IDENTITY_CREATE_CONSUMER, request, idempotency_key=idempotency_key, deadline=deadline
        )
        return reply.body

    async def update_consumer(
        self, request: UpdateConsumer, *, if_match: int | None = None, deadline: float | None = None
    ) -> Consumer:
        """Change a consumer, or move it to another business of the same administrator.

        Refuses: ENTITY_NOT_FOUND, INVALID_PARENT, MISSING_SCOPE, MODULE_NOT_ENABLED,
        OUTSIDE_DOMAIN, PERSON_NOT_FOUND, VERSION_CONFLICT.
        """
        reply = await self._ask(
            IDENTITY_UPDATE_CONSUMER, request, if_match=if_match, deadline=deadline
        )
        return reply.body

    async def get_consumer(
        self, request: ConsumerExpanded, *, deadline: float | None = None
    ) -> Consumer:
        """Read a consumer, with the blocks that are asked for.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND, UNMASKED_NOT_PERMITTED.
        """
        reply = await self._ask(IDENTITY_GET_CONSUMER, request, deadline=deadline)
        return reply.body

    async def list_consumers(
        self, request: ListConsumers | None = None, *, deadline: float | None = None
    ) -> ConsumerList:
        """List consumers, oldest first: of a business and all below it, by last name, or all.

        Refuses: ENTITY_NOT_FOUND, MISSING_SCOPE, MODULE_NOT_ENABLED.
        """
        reply = await self._ask(
            IDENTITY_LIST_CONSUMERS,
            ListConsumers() if request is None else request,
            deadline=deadline,
        )
        return reply.body

    async def list_consumers_all(
        self, request: ListConsumers | None = None, *, deadline: float | None = None
    ) -> AsyncIterator[Consumer]:
        """Go through all of `list_consumers`, page after page; the deadline is a page's."""
        async for page in pages(
            self._ask,
            IDENTITY_LIST_CONSUMERS,
            ListConsumers() if request is None else request,
            deadline,
        ):
            for item in page["items"]:
                yield item

    async def create_dependent(
        self,
        request: CreateDependent,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> Dependent:
        """Create a dependent of a consumer, which may have 100 of them.

        Refuses: IDEMPOTENCY_KEY_REUSED, LIMIT_REACHED, MISSING_SCOPE, MODULE_NOT_ENABLED,
        PERSON_NOT_FOUND.
        """
        reply = await self._ask(
            IDENTITY_CREATE_DEPENDENT, request, idempotency_key=idempotency_key, deadline=deadline
        )
        return reply.body

    async def update_dependent(
        self,
        request: UpdateDependent,
        *,
        if_match: int | None = None,
        deadline: float | None = None,
    ) -> Dependent:
        """Change a dependent.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND, VERSION_CONFLICT.
        """
        reply = await self._ask(
            IDENTITY_UPDATE_DEPENDENT, request, if_match=if_match, deadline=deadline
        )
        return reply.body

    async def list_dependents(
        self, request: DependentsExpanded, *, deadline: float | None = None
    ) -> Dependents:
        """List all dependents of a consumer, oldest first.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND, REPLY_TOO_LARGE,
        UNMASKED_NOT_PERMITTED.
        """
        reply = await self._ask(IDENTITY_LIST_DEPENDENTS, request, deadline=deadline)
        return reply.body

    async def create_authorized_signer(
        self,
        request: CreateAuthorizedSigner,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> AuthorizedSigner:
        """Create an authorized signer of a consumer, which may have 100 of them.

        Refuses: IDEMPOTENCY_KEY_REUSED, LIMIT_REACHED, MISSING_SCOPE, MODULE_NOT_ENABLED,
        PERSON_NOT_FOUND.
        """
        reply = await self._ask(
            IDENTITY_CREATE_AUTHORIZED_SIGNER,
            request,
            idempotency_key=idempotency_key,
            deadline=deadline,
        )
        return reply.body

    async def update_authorized_signer(
        self,
        request: UpdateAuthorizedSigner,
        *,
        if_match: int | None = None,
        deadline: float | None = None,
    ) -> AuthorizedSigner:
        """Change an authorized signer.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND, VERSION_CONFLICT.
        """
        reply = await self._ask(
            IDENTITY_UPDATE_AUTHORIZED_SIGNER, request, if_match=if_match, deadline=deadline
        )
        return reply.body

    async def list_authorized_signers(
        self, request: SignersExpanded, *, deadline: float | None = None
    ) -> AuthorizedSigners:
        """List all authorized signers of a consumer, oldest first.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND, REPLY_TOO_LARGE,
        UNMASKED_NOT_PERMITTED.
        """
        reply = await self._ask(IDENTITY_LIST_AUTHORIZED_SIGNERS, request, deadline=deadline)
        return reply.body

    async def household(
        self, request: ConsumerExpanded, *, deadline: float | None = None
    ) -> Household:
        """Read a consumer with its dependents and signers; a block goes to those who have it.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND, REPLY_TOO_LARGE,
        UNMASKED_NOT_PERMITTED.
        """
        reply = await self._ask(IDENTITY_HOUSEHOLD, request, deadline=deadline)
        return reply.body

    async def create_business_contact(
        self,
        request: CreateBusinessContact,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> BusinessContact:
        """Create a contact in a business.

        Refuses: ENTITY_NOT_FOUND, IDEMPOTENCY_KEY_REUSED, MISSING_SCOPE, MODULE_NOT_ENABLED,
        OUTSIDE_DOMAIN.
        """
        reply = await self._ask(
            IDENTITY_CREATE_BUSINESS_CONTACT,
            request,
            idempotency_key=idempotency_key,
            deadline=deadline,
        )
        return reply.body

    async def update_business_contact(
        self,
        request: UpdateBusinessContact,
        *,
        if_match: int | None = None,
        deadline: float | None = None,
    ) -> BusinessContact:
        """Change a contact in a business.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND, VERSION_CONFLICT.
        """
        reply = await self._ask(
            IDENTITY_UPDATE_BUSINESS_CONTACT, request, if_match=if_match, deadline=deadline
        )
        return reply.body

    async def list_business_contacts(
        self, request: ListBusinessContacts, *, deadline: float | None = None
    ) -> BusinessContactList:
        """List the contacts in a business, oldest first.

        Refuses: ENTITY_NOT_FOUND, MISSING_SCOPE, MODULE_NOT_ENABLED.
        """
        reply = await self._ask(IDENTITY_LIST_BUSINESS_CONTACTS, request, deadline=deadline)
        return reply.body

    async def list_business_contacts_all(
        self, request: ListBusinessContacts, *, deadline: float | None = None
    ) -> AsyncIterator[BusinessContact]:
        """Go through all of `list_business_contacts`, page after page; the deadline is a page's."""
        async for page in pages(self._ask, IDENTITY_LIST_BUSINESS_CONTACTS, request, deadline):
            for item in page["items"]:
                yield item


class VerificationService:
    """svc.verification."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def submit(
        self,
        request: SubmitVerification,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> Verification:
        """Ask for a person's identity or bank account to be verified.

        Refuses: ALREADY_PENDING, IDEMPOTENCY_KEY_REUSED, MISSING_SCOPE, MODULE_NOT_ENABLED,
        PERSON_NOT_FOUND.
        """
        reply = await self._ask(
            VERIFICATION_SUBMIT, request, idempotency_key=idempotency_key, deadline=deadline
        )
        return reply.body

    async def decide(
        self,
        request: DecideVerification,
        *,
        if_match: int | None = None,
        deadline: float | None = None,
    ) -> Verification:
        """Approve or reject what is pending. An identity approved makes a user `verified`.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, NOT_PENDING, SUBMITTED_BY_CALLER,
        VERIFICATION_NOT_FOUND, VERSION_CONFLICT, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(VERIFICATION_DECIDE, request, if_match=if_match, deadline=deadline)
        return reply.body

    async def get(self, request: VerificationId, *, deadline: float | None = None) -> Verification:
        """Read a verification.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, VERIFICATION_NOT_FOUND.
        """
        reply = await self._ask(VERIFICATION_GET, request, deadline=deadline)
        return reply.body

    async def list(
        self, request: ListVerifications | None = None, *, deadline: float | None = None
    ) -> VerificationList:
        """List verifications, oldest first.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED.
        """
        reply = await self._ask(
            VERIFICATION_LIST,
            ListVerifications() if request is None else request,
            deadline=deadline,
        )
        return reply.body

    async def list_all(
        self, request: ListVerifications | None = None, *, deadline: float | None = None
    ) -> AsyncIterator[Verification]:
        """Go through all of `list`, page after page; the deadline is a page's."""
        async for page in pages(
            self._ask,
            VERIFICATION_LIST,
            ListVerifications() if request is None else request,
            deadline,
        ):
            for item in page["items"]:
                yield item


class PreferenceService:
    """svc.preference."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def get(
        self, request: PersonPreferences, *, deadline: float | None = None
    ) -> Preferences:
        """Read what makes a message for a person: every trigger, on every channel.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND.
        """
        reply = await self._ask(PREFERENCE_GET, request, deadline=deadline)
        return reply.body

    async def put(
        self, request: PutPreferences, *, if_match: int | None = None, deadline: float | None = None
    ) -> Preferences:
        """Change triggers of a person: any part of what `get` shows; what is not sent stays.

        `enabled` is the platform's: it takes a client's token with the scope admin:domain.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND, VERSION_CONFLICT,
        WRONG_TOKEN_KIND.
        """
        reply = await self._ask(PREFERENCE_PUT, request, if_match=if_match, deadline=deadline)
        return reply.body

    async def get_external(
        self, request: PersonPreferences, *, deadline: float | None = None
    ) -> ExternalPreferences:
        """Read what lets a message out to a person: every external preference, on every channel.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND.
        """
        reply = await self._ask(PREFERENCE_GET_EXTERNAL, request, deadline=deadline)
        return reply.body

    async def put_external(
        self,
        request: PutExternalPreferences,
        *,
        if_match: int | None = None,
        deadline: float | None = None,
    ) -> ExternalPreferences:
        """Change external preferences of a person, as `put` changes triggers.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND, VERSION_CONFLICT,
        WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            PREFERENCE_PUT_EXTERNAL, request, if_match=if_match, deadline=deadline
        )
        return reply.body

    async def get_master(self, *, deadline: float | None = None) -> Master:
        """Read the master switches: which media are on across the platform.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(PREFERENCE_GET_MASTER, Empty(), deadline=deadline)
        return reply.body

    async def put_master(
        self, request: PutMaster, *, if_match: int | None = None, deadline: float | None = None
    ) -> Master:
        """Turn media on or off across the platform; every worker obeys within 5 seconds.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, OUTSIDE_DOMAIN, VERSION_CONFLICT,
        WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            PREFERENCE_PUT_MASTER, request, if_match=if_match, deadline=deadline
        )
        return reply.body

    async def evaluate(self, request: Evaluate, *, deadline: float | None = None) -> Evaluation:
        """Tell whether to send a message to a person, on which channels, and where to.

        Where not, the first gate that is shut is named. The order of the gates: the master
        switch, the trigger and its threshold, the external channel, the opt-in there.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED, PERSON_NOT_FOUND.
        """
        reply = await self._ask(PREFERENCE_EVALUATE, request, deadline=deadline)
        return reply.body

    async def catalogue(self, *, deadline: float | None = None) -> PreferenceCatalogue:
        """Read all there is: categories, triggers, external preferences, and their defaults.

        Refuses: MISSING_SCOPE, MODULE_NOT_ENABLED.
        """
        reply = await self._ask(PREFERENCE_CATALOGUE, Empty(), deadline=deadline)
        return reply.body


class PrivacyService:
    """svc.privacy."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def history(self, request: ReadHistory, *, deadline: float | None = None) -> History:
        """List the changes of an aggregate in their order: which, when, by whom, and of what.

        A person's preferences are under the person's own id, so theirs stand beside the
        person's.

        Refuses: AGGREGATE_NOT_FOUND, MISSING_SCOPE.
        """
        reply = await self._ask(PRIVACY_HISTORY, request, deadline=deadline)
        return reply.body

    async def history_all(
        self, request: ReadHistory, *, deadline: float | None = None
    ) -> AsyncIterator[HistoryEntry]:
        """Go through all of `history`, page after page; the deadline is a page's."""
        async for page in pages(self._ask, PRIVACY_HISTORY, request, deadline):
            for item in page["items"]:
                yield item

    async def access_log(
        self, request: ReadAccessLog, *, deadline: float | None = None
    ) -> AccessLogPage:
        """List who read a person's numbers unmasked, or exported all that is held on it.

        Refuses: MISSING_SCOPE, PERSON_NOT_FOUND.
        """
        reply = await self._ask(PRIVACY_ACCESS_LOG, request, deadline=deadline)
        return reply.body

    async def access_log_all(
        self, request: ReadAccessLog, *, deadline: float | None = None
    ) -> AsyncIterator[Access]:
        """Go through all of `access_log`, page after page; the deadline is a page's."""
        async for page in pages(self._ask, PRIVACY_ACCESS_LOG, request, deadline):
            for item in page["items"]:
                yield item

    async def export(self, request: ExportPerson, *, deadline: float | None = None) -> Export:
        """Read all that is held on a person, section by section.

        Numbers are masked but for read:sensitive. A user's own token exports its own user
        without any scope. Each page is written down in the access log.

        Refuses: MISSING_SCOPE, PERSON_NOT_FOUND.
        """
        reply = await self._ask(PRIVACY_EXPORT, request, deadline=deadline)
        return reply.body

    async def export_all(
        self, request: ExportPerson, *, deadline: float | None = None
    ) -> AsyncIterator[ExportItem]:
        """Go through all of `export`, page after page; the deadline is a page's."""
        async for page in pages(self._ask, PRIVACY_EXPORT, request, deadline):
            for item in page["items"]:
                yield item

    async def erase(
        self,
        request: ErasePerson,
        *,
        idempotency_key: str | None = None,
        deadline: float | None = None,
    ) -> Erased:
        """Forget a person: what is held on it goes, from the database, the event log and the
        stream.

        The id stays, and the event that tells of the erasure. A consumer's dependents and
        signers go with it. Who is erased already is not erased again.

        Refuses: IDEMPOTENCY_KEY_REQUIRED, IDEMPOTENCY_KEY_REUSED, LAST_ADMIN, MISSING_SCOPE,
        PERSON_NOT_FOUND, WRONG_TOKEN_KIND.
        """
        reply = await self._ask(
            PRIVACY_ERASE, request, idempotency_key=idempotency_key, deadline=deadline
        )
        return reply.body


class Services:
    """All services, an attribute each."""

    def __init__(self, ask: Ask) -> None:
        self.user = UserService(ask)
        self.token = TokenService(ask)
        self.profile = ProfileService(ask)
        self.administrator = AdministratorService(ask)
        self.business = BusinessService(ask)
        self.entity = EntityService(ask)
        self.account = AccountService(ask)
        self.membership = MembershipService(ask)
        self.identity = IdentityService(ask)
        self.verification = VerificationService(ask)
        self.preference = PreferenceService(ask)
        self.privacy = PrivacyService(ask)
