"""A real nats-server and a real mongod on this machine, for `svc-user dev` and for the tests."""

from service.local.mongo import start_mongo
from service.local.nats import start_nats
from service.local.server import GivenServer, LocalServer
from service.local.sources import LocalServerError

__all__ = ["GivenServer", "LocalServer", "LocalServerError", "start_mongo", "start_nats"]
