"""Master switches: which media may be used at all, for a partner as a whole.

What is set stands in the field `media` of the partner's document; a medium is on until it is turned
off.
"""

from collections.abc import Mapping

from schemas.preference import DeliveryType, MasterSwitched, MasterSwitchedData, MediaSwitches
from service.partners.store import PARTNERS
from service.storage.mongo import Document
from service.storage.storage import Storage
from service.storage.writes import Change


async def media_now(storage: Storage, partner: str) -> MediaSwitches:
    """Which media are on. A switch is obeyed within 5 seconds, at once where it was thrown.

    Raises: Unavailable.
    """
    return media_in(await storage[PARTNERS].read_fresh(partner))


def media_in(document: Document | None) -> MediaSwitches:
    """Which media are on, by the partner's document."""
    own: Mapping[DeliveryType, bool] = (document or {}).get("media") or {}
    return MediaSwitches(
        SMS=own.get("SMS", True),
        PUSH=own.get("PUSH", True),
        EMAIL=own.get("EMAIL", True),
        PAPER=own.get("PAPER", True),
    )


def media_switched(document: Document, switches: Mapping[DeliveryType, bool]) -> Change | None:
    """The change that sets these switches; None where all stand so already."""
    before = media_in(document)
    different = {medium: on for medium, on in switches.items() if before[medium] is not on}
    if not different:
        return None

    def data(after: Document) -> MasterSwitchedData:
        return MasterSwitchedData(
            partner_id=after["_id"],
            changed=[f"switches.{medium}" for medium in sorted(different)],
            switches=media_in(after),
        )

    return Change(MasterSwitched, {"media": {**(document.get("media") or {}), **different}}, data)
