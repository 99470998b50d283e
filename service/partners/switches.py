"""The switches of modules: what is set, what that comes to, and what a request makes of it.

What is set stands in the field `modules` of an administrator's document, or of the partner's.
"""

from collections.abc import Mapping

from schemas.organisation import ModuleSwitches, PartnerModulesData
from service.operation import Module
from service.storage.mongo import Document


def set_in(document: Document | None) -> Mapping[str, bool]:
    """Which modules are set in the document of an administrator or a partner, and how."""
    return (document or {}).get("modules") or {}


def in_effect(partner: Document | None, administrator: Document | None = None) -> ModuleSwitches:
    """Which modules are on for the administrator's domain; without one, for the partner."""
    own = {**set_in(partner), **set_in(administrator)}
    return ModuleSwitches(
        IDENTITY=own.get(Module.IDENTITY, True),
        NOTIFICATIONS=own.get(Module.NOTIFICATIONS, True),
        MEMBERSHIP=own.get(Module.MEMBERSHIP, True),
        VERIFICATION=own.get(Module.VERIFICATION, True),
    )


def switched(document: Document, switches: Mapping[str, bool]) -> Mapping[str, bool] | None:
    """What is set in the document once these are switched; None where that changes nothing."""
    before = set_in(document)
    after = {**before, **switches}
    return None if after == before else after


def partner_modules_data(document: Document) -> PartnerModulesData:
    """The data of the event that a partner's default was changed."""
    return PartnerModulesData(
        partner_id=document["_id"], changed=["modules"], modules=in_effect(document)
    )
