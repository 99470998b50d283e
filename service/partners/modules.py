"""Modules: parts of the service that are on or off for a domain, or for a whole partner."""

from collections.abc import Mapping

from service.operation import Module
from service.organisation.store import ENTITIES
from service.partners.store import PARTNERS
from service.storage.storage import Storage


async def is_on(storage: Storage, partner: str, domain: str | None, module: Module) -> bool:
    """Whether the module is on for the domain, which follows the partner's default until set.

    A switch is obeyed within 5 seconds, and at once on the worker that threw it.
    Raises: Unavailable.
    """
    if domain is not None:
        administrator = await storage[ENTITIES].read_fresh(domain)
        own: Mapping[str, bool] = (administrator or {}).get("modules") or {}
        if module in own:
            return own[module]
    document = await storage[PARTNERS].read_fresh(partner)
    default: Mapping[str, bool] = (document or {}).get("modules") or {}
    return default.get(module, True)
