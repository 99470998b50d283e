"""Users in MongoDB: the only code that knows their field names there.

A field is kept under the name that a request gives it. Besides: `email_key`, the e-mail as it is
compared; `id_number` and `permit_number`, sealed, and each with `_masked` behind its name as
most callers see it; `business_id`, the entity where it is a business; `verified_by`, what gave
`verified`; `revoked`, which of the user's tokens are dead, and since when others must know;
`profile`, the one that a user of an entity has from the start; `admin_count`, which whatever makes
it an admin of an account raises, and which nothing reads. What a user signed up or is to
confirm its e-mail with is `service.signup`'s: `registration_hash`, `confirmation`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.email import comparable_email
from schemas.user import (
    Address,
    AddressView,
    ListUsers,
    NewUser,
    UpdateUser,
    UserDetails,
    UserEventData,
    UserObject,
    UserRecord,
)
from service.call import Call
from service.ids import new_id
from service.storage.kind import Index, Kind
from service.storage.mongo import Document
from service.storage.sealing import Sealer, masked, place
from service.users.profile import first_profile

ADMIN_COUNT: Final = "admin_count"
"""How often the user became an admin of an account."""

EMAIL_OF_ACTIVE = "email_of_active"
"""The unique index that lets one active user of a partner have an e-mail."""

USERS = Kind(
    "users",
    (
        Index(EMAIL_OF_ACTIVE, ("partner", "email_key"), unique=True, where={"active": True}),
        Index("by_email", ("partner", "email_key", "active", "_id")),
        Index("by_phone", ("partner", "phone_number", "active", "_id")),
        Index("by_entity", ("partner", "entity_id", "active", "_id")),
        Index(
            "by_domain",
            ("partner", "domain", "active", "_id"),
            where={"domain": {"$exists": True}},
        ),
        Index("by_partner", ("partner", "active", "_id")),
        Index("revoked", ("revoked.at",), where={"revoked.at": {"$exists": True}}),
    ),
    sealed=("id_number", "permit_number"),
)

OBJECT_FIELDS = (
    "first_name",
    "last_name",
    "email",
    "active",
    "phone_number",
    "date_of_birth",
    "occupation",
    "avatar",
    "address",
)
"""What a user object is made of."""

STANDING_FIELDS = ("active", "confirmed")
"""What others ask of a user: whether it may act, and whether it has confirmed its e-mail."""

CONTACT_FIELDS = ("email", "contact_email")
"""What says where to write to a user."""

_RECORD_FIELDS = (
    "first_name",
    "last_name",
    "email",
    "phone_number",
    "entity_id",
    "created_at",
    "updated_at",
    "verified",
    "gender",
    "date_of_birth",
    "country",
    "city",
    "residency",
    "id_number_masked",
    "id_type",
    "id_issue_date",
    "id_issue_expiry_date",
    "title",
    "permit_number",
    "permit_number_masked",
    "birth_country",
    "birth_city",
    "active",
    "confirmed",
    "language",
)

# `address` and the sealed ones too, but they are kept in another form than they come in.
_PLAIN_FIELDS = (
    "first_name",
    "last_name",
    "email",
    "phone_number",
    "gender",
    "date_of_birth",
    "country",
    "city",
    "birth_country",
    "birth_city",
    "residency",
    "id_type",
    "id_issue_date",
    "id_issue_expiry_date",
    "title",
    "occupation",
    "avatar",
)

_SEALED = ("id_number", "permit_number")
_MASKED = tuple(f"{name}_masked" for name in _SEALED)

_PERSONAL = (*_PLAIN_FIELDS, "address", *_SEALED)
"""What a request can say of a person."""

_PROVEN = frozenset({"first_name", "last_name", "date_of_birth", "id_number"})
"""What a verification proves: when one of them changes, the proof is gone."""


def new_user(call: Call, id: str, request: NewUser, entity: Document) -> Document:
    """The document of a user of an entity, with its profile for that entity."""
    document = {
        **_nobody(id),
        **_stored(call, id, _personal(request)),
        "entity_id": entity["_id"],
        "business_id": entity["_id"] if entity["entity_type"] != "personal" else None,
        "verified": request.verified,
        "profile": first_profile(id, entity),
    }
    if "domain" in entity:
        document["domain"] = entity["domain"]
    return document


def new_signed_up(call: Call, id: str, email: str, language: str) -> Document:
    """The document of a user of no entity, of whom nothing but the e-mail is known yet."""
    return {**_nobody(id), **_stored(call, id, {"email": email}), "language": language}


def changed_fields(call: Call, document: Document, request: UpdateUser) -> dict[str, Any]:
    """What the request changes, as it is to be kept; empty when it changes nothing."""
    different = {
        name: value
        for name, value in _personal(request).items()
        if value != _current(call, document, name)
    }
    fields = _stored(call, document["_id"], different)
    if "email" in different and document["confirmed"]:
        fields["confirmed"] = False
    if document["verified_by"] is not None and _PROVEN & different.keys():
        fields |= {"verified": False, "verified_by": None}
    return fields


def switched(call: Call, active: bool) -> dict[str, Any]:
    """The fields of a user that is activated or deactivated: its tokens so far are dead."""
    return {"active": active, "revoked": {"at": call.now, "before": call.now}}


def verified(verification_id: str) -> dict[str, Any]:
    """The fields of a user whose identity a verification has proved."""
    return {"verified": True, "verified_by": verification_id}


def list_query(call: Call, request: ListUsers) -> tuple[dict[str, Any], str]:
    """The query of a list request for this caller, and the index that serves it."""
    query: dict[str, Any] = {"partner": call.partner}
    # Always there, so that an index with `active` before the id gives documents in their order.
    query["active"] = {"$in": [True, False]} if request.active is None else request.active
    index = "by_partner"
    if call.caller.domain is not None:
        query["domain"], index = call.caller.domain, "by_domain"
    if request.entity_id is not None:
        query["entity_id"], index = request.entity_id, "by_entity"
    if request.phone_number is not None:
        query["phone_number"], index = request.phone_number, "by_phone"
    if request.email is not None:
        query["email_key"], index = comparable_email(request.email), "by_email"
    return query, index


def holder_query(call: Call, email: str) -> dict[str, Any]:
    """The query for the active user of the partner who has this e-mail."""
    return {"partner": call.partner, "email_key": comparable_email(email), "active": True}


def record_fields(*, unmasked: bool) -> tuple[str, ...]:
    """What a record in a list is made of; the `id_number` is not even read where it is masked."""
    return (*_RECORD_FIELDS, "id_number") if unmasked else _RECORD_FIELDS


def record(
    document: Document, id_number: str | None = None, permit_number: str | None = None
) -> UserRecord:
    """A user as lists and events show it; a number in the clear only where it is given."""
    return UserRecord(
        id=document["_id"],
        first_name=document["first_name"],
        last_name=document["last_name"],
        email=document["email"],
        phone_number=document["phone_number"],
        entity_id=document["entity_id"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        verified=document["verified"],
        gender=document["gender"],
        date_of_birth=document["date_of_birth"],
        country=document["country"],
        city=document["city"],
        residency=document["residency"],
        id_number=id_number or document["id_number_masked"],
        id_type=document["id_type"],
        id_issue_date=document["id_issue_date"],
        id_issue_expiry=document["id_issue_expiry_date"],
        title=document["title"],
        date_registered=document["created_at"],
        permit_number=permit_number or document["permit_number_masked"],
        birth_country=document["birth_country"],
        birth_city=document["birth_city"],
        active=document["active"],
        confirmed=document["confirmed"],
        language=document["language"],
        version=document["version"],
    )


def number(sealer: Sealer, document: Document, name: str) -> str | None:
    """The `id_number` or the `permit_number` in the clear."""
    sealed = document[name]
    where = place(USERS.collection, document["_id"], name)
    return sealer.open(sealed, where).decode() if sealed else None


def user_object(document: Document) -> UserObject:
    """A user as `get` and `me` show it."""
    first, last = document["first_name"], document["last_name"]
    return UserObject(
        id=document["_id"],
        name=" ".join(name for name in (first, last) if name) or None,
        email=document["email"],
        active=document["active"],
        details=_details(document),
    )


def email_to_use(document: Document) -> str:
    """Where to write to a user: its contact e-mail, else its own."""
    email: str = document["contact_email"] or document["email"]
    return email


def event_data(changed: list[str]) -> Callable[[Document], UserEventData]:
    """What makes the data of an event about a user."""

    def data(document: Document) -> UserEventData:
        return UserEventData(
            user_id=document["_id"],
            entity_id=document["entity_id"],
            changed=changed,
            user=record(document),
        )

    return data


def names_given(user: Document) -> list[str]:
    """The names of the fields that a new user has, as its event tells them."""
    given = (name for name in _PERSONAL if user[name] is not None)
    return sorted(("entity_id", "verified", *given))


def names_told(fields: Mapping[str, Any]) -> list[str]:
    """The names of changed fields as an event tells them: not those that only we know."""
    return sorted(fields.keys() - {"email_key", *_MASKED, "verified_by", "revoked"})


def _nobody(id: str) -> Document:
    """The document of a user of whom nothing is known."""
    return {
        "_id": id,
        "entity_id": None,
        "business_id": None,
        "active": True,
        "confirmed": False,
        "verified": False,
        "verified_by": None,
        "language": None,
        "contact_email": None,
        "profile": None,
        **dict.fromkeys(_PERSONAL + _MASKED),
    }


def _personal(request: NewUser | UpdateUser) -> dict[str, Any]:
    """What the request says of the person, by field; only what was sent and is not null."""
    names = request.model_fields_set.intersection(_PERSONAL)
    return {name: value for name in names if (value := getattr(request, name)) is not None}


def _stored(call: Call, id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they are kept."""
    stored = dict(fields)
    if "email" in fields:
        stored["email_key"] = comparable_email(fields["email"])
    for name in fields.keys() & set(_SEALED):
        where = place(USERS.collection, id, name)
        stored[name] = call.storage.sealer.seal(fields[name].encode(), where)
        stored[f"{name}_masked"] = masked(fields[name])
    if "address" in fields:
        stored["address"] = {"id": new_id(call.now), **fields["address"].model_dump()}
    return stored


def _current(call: Call, document: Document, name: str) -> Any:
    """The field as a request would give it."""
    if name in _SEALED:
        return number(call.storage.sealer, document, name)
    value = document[name]
    if name == "address" and value is not None:
        return Address.model_construct(**{k: v for k, v in value.items() if k != "id"})
    return value


def _details(document: Document) -> UserDetails | None:
    address, born = document["address"], document["date_of_birth"]
    known = ("first_name", "last_name", "phone_number", "occupation", "avatar")
    if address is None and born is None and not any(document[name] for name in known):
        return None
    return UserDetails(
        firstName=document["first_name"],
        lastName=document["last_name"],
        phoneNumber=document["phone_number"],
        dateOfBirth=born.date().isoformat() if born else None,
        occupation=document["occupation"] or "",
        avatar=document["avatar"],
        primaryAddress=address["id"] if address else None,
        address=_address(address) if address else None,
    )


def _address(address: Document) -> AddressView:
    return AddressView(
        city=address["city"],
        countryCode=address["countryCode"],
        postCode=address["postCode"],
        state=address["state"] or "",
        firstLine=address["firstLine"],
        occupation=address["occupation"] or "",
    )
