"""People in MongoDB: the only code that knows their field names there.

Consumers, dependents, authorized signers and business contacts are in one collection, each field
and block under the name that a request gives it. Besides: `role`; the numbers, sealed beside their
blocks, so that a block can be read and changed without them; their keyed hashes; `last_name_key`,
a consumer's last name as it is compared; `slot`, one of the places that a consumer has for each
role.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from schemas.identity import ListConsumers
from service.call import Call
from service.identity.roles import CONSUMER, MERGED, NUMBERS, Number, Role
from service.storage.kind import ERASED_AT, Index, Kind
from service.storage.lookup import Branch, Lookup, Place
from service.storage.mongo import Document
from service.storage.sealing import place
from service.users.store import USERS

SLOT = "slot"
"""The unique index by which a consumer has no more of a role than it has slots."""

PERSONS = Kind(
    "persons",
    (
        Index(SLOT, ("consumer_id", "role", "slot"), unique=True, where={"slot": {"$gte": 0}}),
        Index(
            "by_ssn",
            ("partner", "social_security_number_hash", "_id"),
            where={"social_security_number_hash": {"$exists": True}},
        ),
        Index(
            "by_last_name",
            ("partner", "last_name_key", "_id"),
            where={"last_name_key": {"$exists": True}},
        ),
        Index(
            "by_business",
            ("partner", "business_id", "role", "_id"),
            where={"business_id": {"$exists": True}},
        ),
        Index(
            "by_domain", ("partner", "domain", "role", "_id"), where={"domain": {"$exists": True}}
        ),
        Index("by_role", ("partner", "role", "_id")),
    ),
    sealed=tuple(number.sealed for number in NUMBERS),
)

CONTACT_FIELDS = ("email_addresses", "email")
"""What says where to write to a person: a block, or the one address of a business contact."""

MOST_MERGED = 200
"""Businesses up to which their consumers are read from the index by business, in order."""

_TOLD = ("version", "role", "first_name", "middle_name", "last_name", "business_id", "consumer_id")
_READ = dict.fromkeys(("partner", "domain", *_TOLD), True)


def _everywhere(ids: Sequence[str]) -> list[Branch]:
    """People of every role, and users; those of a consumer with its business, as it is now."""
    wanted = {"_id": {"$in": ids}, ERASED_AT: None}
    of_consumer = {
        "from": PERSONS.collection,
        "localField": "consumer_id",
        "foreignField": "_id",
        "as": "consumer",
    }
    as_user = {**_READ, "role": {"$literal": "USER"}}
    with_business = {**_READ, "business_id": {"$first": "$consumer.business_id"}}
    return [
        Branch(
            PERSONS.collection,
            [{"$match": {**wanted, "consumer_id": None}}, {"$project": _READ}],
        ),
        Branch(USERS.collection, [{"$match": wanted}, {"$project": as_user}]),
        Branch(
            PERSONS.collection,
            [
                {"$match": {**wanted, "consumer_id": {"$ne": None}}},
                {"$lookup": of_consumer},
                {"$project": with_business},
            ],
        ),
    ]


def _place(person: Document) -> Place:
    collection = USERS.collection if person["role"] == "USER" else PERSONS.collection
    return Place(collection, person.get("consumer_id"))


def _joined(place: Place, person: Document, consumer: Document | None) -> Document:
    if place.collection == USERS.collection:
        return {**person, "role": "USER"}
    if consumer is not None:
        return {**person, "business_id": consumer["business_id"]}
    return person


ANYONE = Lookup(_everywhere, _place, _READ, _joined)
"""Finds a person by id, whatever it is."""


def new_person(
    call: Call, role: Role, id: str, request: BaseModel, anchor: Document
) -> dict[str, Any]:
    """The document of a person anchored to a business, or to a consumer."""
    given = request.model_dump()
    document = {
        "_id": id,
        "role": role.name,
        role.anchor: anchor["_id"],
        **{name: given[name] for name in (*role.plain, *role.blocks.values())},
    }
    if "domain" in anchor:
        document["domain"] = anchor["domain"]
    document |= _stored(call, role, id, document)
    return document


def changed_fields(
    call: Call, role: Role, document: Document, request: BaseModel
) -> dict[str, Any]:
    """What the request changes, as it is to be kept; empty when it changes nothing."""
    given = request.model_dump()
    names = request.model_fields_set & {*role.plain, *role.blocks.values(), "business_id"}
    fields: dict[str, Any] = {}
    for name in sorted(names):
        value, current = given[name], document[name]
        if name in MERGED:
            sent = {key: value[key] for key in getattr(request, name).model_fields_set}
            current = _opened(call, document, name)
            value = (current or dict.fromkeys(value)) | sent
            if current is None and not any(each is not None for each in value.values()):
                continue  # a block without a value says what no block says
        if value != current:
            fields[name] = value
    return fields


def kept(call: Call, role: Role, id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Changed fields as they are kept: numbers sealed, and masked where they stood."""
    return {**fields, **_stored(call, role, id, fields)}


def consumers_query(
    call: Call, request: ListConsumers, domain: str | None, businesses: Sequence[str] | None
) -> tuple[dict[str, Any], str]:
    """The query for consumers in a domain, or of some businesses, and the index that serves it."""
    query: dict[str, Any] = {"partner": call.partner, "role": CONSUMER.name}
    index = "by_role"
    if domain is not None:
        query["domain"], index = domain, "by_domain"
    if businesses is not None:
        query["business_id"] = {"$in": businesses}
        if len(businesses) <= MOST_MERGED:
            index = "by_business"
    if request.last_name is not None:
        query["last_name_key"], index = comparable_name(request.last_name), "by_last_name"
    if call.caller.own_id is not None:
        query["_id"], index = {"$eq": call.caller.own_id}, "_id_"
    return query, index


def contacts_query(call: Call, role: Role, business_id: str) -> tuple[dict[str, Any], str]:
    """The query for the people of a role in one business, and the index that serves it."""
    query: dict[str, Any] = {
        "partner": call.partner,
        "business_id": business_id,
        "role": role.name,
    }
    if call.caller.own_id is not None:
        return query | {"_id": {"$eq": call.caller.own_id}}, "_id_"
    return query, "by_business"


def members_query(consumer_id: str, *roles: Role) -> dict[str, Any]:
    """The query for those of a consumer who have these roles, for the index `SLOT`."""
    names = [role.name for role in roles]
    return {"consumer_id": consumer_id, "role": {"$in": names}, "slot": {"$gte": 0}}


def ssn_query(call: Call, number: str) -> dict[str, Any]:
    """The query for people with this social security number, for the index `by_ssn`."""
    query = {"partner": call.partner, "social_security_number_hash": hashed(call, number)}
    if call.caller.domain is not None:
        query["domain"] = call.caller.domain
    return query


def open_number(call: Call, number: Number, document: Document) -> str | None:
    """A person's number in the clear."""
    sealed = document.get(number.sealed)
    if sealed is None:
        return None
    where = place(PERSONS.collection, document["_id"], number.sealed)
    return call.storage.sealer.open(sealed, where).decode()


def hashed(call: Call, number: str) -> bytes:
    """The keyed hash that a social security number is found by, different for each partner."""
    return call.storage.sealer.keyed_hash(f"ssn|{call.partner}|{number}".encode())


def primary_email(document: Document) -> str | None:
    """Where to write to a person: its primary e-mail address, or None where it has none."""
    primary = (document.get("email_addresses") or {}).get("primary")
    email: str | None = primary["address"] if primary else document.get("email")
    return email


def comparable_name(name: str) -> str:
    """A name as it is compared, whatever the case, and however its letters are composed."""
    return unicodedata.normalize("NFC", name.casefold())


def _stored(call: Call, role: Role, id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept besides, or in the place of, fields that hold a number or are compared."""
    stored: dict[str, Any] = {}
    if role is CONSUMER and "last_name" in fields:
        stored["last_name_key"] = comparable_name(fields["last_name"])
    for number in NUMBERS:
        block = fields.get(number.block)
        if block is None:
            continue
        clear = block[number.name]
        sealed = None
        if clear is not None:
            where = place(PERSONS.collection, id, number.sealed)
            sealed = call.storage.sealer.seal(clear.encode(), where)
            stored[number.block] = {**block, number.name: number.masked(clear)}
            if number.hashed is not None:
                stored[number.hashed] = hashed(call, clear)
        stored[number.sealed] = sealed
    return stored


def _opened(call: Call, document: Document, block: str) -> dict[str, Any] | None:
    """A block as a request would give it, its number in the clear."""
    current: dict[str, Any] | None = document[block]
    for number in NUMBERS:
        if number.block == block and current is not None:
            current = {**current, number.name: open_number(call, number, document)}
    return current
