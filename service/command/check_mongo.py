"""Examines MongoDB as a worker needs it: replica set, clock, indexes, and what waits in it."""

import time
from datetime import UTC, datetime, timedelta

from pymongo.errors import OperationFailure, PyMongoError

from service.app import INDEXES, KINDS
from service.command.findings import Finding, clock, ok, unknown, wrong
from service.command.reach import NO_SET_ADVICE, shown
from service.local.mongo import TRANSACTION_SECONDS
from service.problems import Unavailable
from service.resources import open_mongo
from service.settings import Settings
from service.storage.kind import EPOCH
from service.storage.mongo import Mongo

_OLD = timedelta(seconds=60)
_COUNTED = 1_000
_LIFETIME = "transactionLifetimeLimitSeconds"


async def check_mongo(settings: Settings) -> list[Finding]:
    """Look at MongoDB, and at what is kept in it."""
    mongo = open_mongo(settings)
    try:
        return [
            *await _server(mongo, settings),
            await _transactions(mongo),
            *[await _indexes(mongo, name, [i.name for i in indexes]) for name, indexes in INDEXES],
            await _backlog(mongo),
        ]
    except (Unavailable, PyMongoError) as error:
        address = shown(settings.mongo_uri)
        found = f"{address} does not answer" if isinstance(error, Unavailable) else str(error)
        advice = "Start it, or correct SVC_USER_MONGO_URI."
        rest = ("clock of MongoDB", "transactions", "indexes", "outbox")
        return [wrong("MongoDB", found, advice), *(unknown(each, "") for each in rest)]
    finally:
        await mongo.close()


async def _server(mongo: Mongo, settings: Settings) -> list[Finding]:
    asked = time.time()
    hello = await mongo.hello()
    now = (asked + time.time()) / 2
    build = await mongo.command({"buildInfo": 1})
    found = f"{build['version']} at {shown(settings.mongo_uri)}"
    if "setName" in hello:
        server = ok("MongoDB", f"{found}, replica set {hello['setName']}")
    else:
        server = wrong("MongoDB", f"{found}, not a replica set", NO_SET_ADVICE)
    return [server, clock("clock of MongoDB", now - hello["localTime"].timestamp())]


async def _transactions(mongo: Mongo) -> Finding:
    """How long a transaction may stay open that a killed worker has left."""
    try:
        seconds = await mongo.parameter(_LIFETIME)
    except OperationFailure:
        return unknown("transactions", f"{_LIFETIME} is not for this user to see")
    found = f"end after {seconds} s at most"
    if seconds > TRANSACTION_SECONDS:
        advice = f"Start mongod with --setParameter {_LIFETIME}={TRANSACTION_SECONDS}."
        return wrong("transactions", f"{found}: so long a killed worker blocks others", advice)
    return ok("transactions", found)


async def _indexes(mongo: Mongo, collection: str, wanted: list[str]) -> Finding:
    what = f"indexes of {collection}"
    missing = sorted(set(wanted) - await mongo.index_names(collection))
    if missing:
        advice = "A worker makes them: start `svc-user serve`."
        return wrong(what, f"missing: {', '.join(missing)}", advice)
    return ok(what, ", ".join(wanted))


async def _backlog(mongo: Mongo) -> Finding:
    """Events that should have been in the stream long ago."""
    before = datetime.now(UTC) - _OLD
    query = {"outbox.at": {"$gt": EPOCH, "$lt": before}}
    waiting = 0
    for kind in KINDS:
        waiting += len(await mongo.find(kind.collection, query, {"_id": True}, limit=_COUNTED))
    if waiting:
        return wrong(
            "outbox",
            f"{waiting:,} aggregates or more have events that wait for over {_OLD.seconds} s",
            "Let a worker run, and see that JetStream has room: `nats stream info`.",
        )
    return ok("outbox", f"no event waits for over {_OLD.seconds} s")
