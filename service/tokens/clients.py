"""Clients in MongoDB: the partners' systems that may ask for tokens, managed from the command line.

A secret is long and random, so that its plain SHA-256 is enough: there is nothing to guess. A
client that is removed stays as a tombstone, from which workers learn that its tokens are dead.
"""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from service.ids import new_id
from service.storage.kind import Index
from service.storage.mongo import Document, Mongo

CLIENTS = "clients"
CLIENT_INDEXES = (
    Index("listed", ("partner", "_id")),
    Index("revoked", ("revoked.at",), where={"revoked.at": {"$exists": True}}),
)

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Client:
    """A client, and what its tokens may do."""

    id: str
    partner: str
    name: str
    scopes: frozenset[str]
    domain: str | None
    created_at: datetime
    secret_hash: bytes

    def has_secret(self, secret: str) -> bool:
        """Whether this is the client's secret."""
        return hmac.compare_digest(self.secret_hash, _hashed(secret))


class Clients:
    """The clients of every partner."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def add(
        self, partner: str, name: str, scopes: Iterable[str], domain: str | None, now: datetime
    ) -> tuple[str, str]:
        """Add a client; give its id and its secret, which nobody can be told again.

        Raises: Unavailable.
        """
        id, secret = new_id(now), secrets.token_urlsafe(_SECRET_BYTES)
        document = {
            "_id": id,
            "partner": partner,
            "name": name,
            "scopes": sorted(scopes),
            "domain": domain,
            "secret_hash": _hashed(secret),
            "created_at": now,
            "removed": False,
        }
        for error in (await self._mongo.insert(CLIENTS, [document])).values():
            raise error
        return id, secret

    async def all_of(self, partner: str) -> list[Client]:
        """The partner's clients, oldest first.

        Raises: Unavailable.
        """
        query = {"partner": partner, "removed": False}
        found = await self._mongo.find(CLIENTS, query, sort="_id", hint="listed")
        return [_client(document) for document in found]

    async def rotate(self, partner: str, id: str) -> str | None:
        """Give the client another secret, the only one from now on; None if there is no such one.

        Raises: Unavailable.
        """
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        known = await self._set(partner, id, {"secret_hash": _hashed(secret)})
        return secret if known else None

    async def remove(self, partner: str, id: str, now: datetime) -> bool:
        """Remove the client, and let its tokens die; whether there was one.

        Raises: Unavailable.
        """
        gone = {"removed": True, "secret_hash": None, "revoked": {"at": now}}
        return await self._set(partner, id, gone)

    async def find(self, partner: str, id: str) -> Client | None:
        """The partner's client with this id, or None.

        Raises: Unavailable.
        """
        query = {"_id": id, "partner": partner, "removed": False}
        found = await self._mongo.find(CLIENTS, query, limit=1, hint="_id_")
        return _client(found[0]) if found else None

    async def _set(self, partner: str, id: str, fields: Document) -> bool:
        query = {"_id": id, "partner": partner, "removed": False}
        matched, refused = await self._mongo.update(CLIENTS, [(query, {"$set": fields})])
        for error in refused.values():
            raise error
        return matched == 1


def _client(document: Document) -> Client:
    return Client(
        id=document["_id"],
        partner=document["partner"],
        name=document["name"],
        scopes=frozenset(document["scopes"]),
        domain=document["domain"],
        created_at=document["created_at"],
        secret_hash=document["secret_hash"],
    )


def _hashed(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
