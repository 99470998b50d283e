"""Modules: parts of the service that are on or off for a domain, or for a whole partner."""

from service.operation import Module
from service.organisation.store import ENTITIES
from service.partners.store import PARTNERS
from service.partners.switches import set_in
from service.storage.storage import Storage


async def is_on(storage: Storage, partner: str, domain: str | None, module: Module) -> bool:
    """Whether the module is on for the domain, which follows the partner's default until set.

    A switch is obeyed within 5 seconds, and at once on the worker that threw it.
    Raises: Unavailable.
    """
    if domain is not None:
        own = set_in(await storage[ENTITIES].read_fresh(domain))
        if module in own:
            return own[module]
    default = set_in(await storage[PARTNERS].read_fresh(partner))
    return default.get(module, True)
