"""What svc.preference holds on a person: what was set for it, in both tiers."""

from service.call import Call
from service.personal import Holding, Shelf, by_own_id
from service.preference.store import PREFERENCES
from service.preference.views import external_items, internal_items
from service.storage.mongo import Document


def _view(call: Call, chosen: Document) -> object:
    """As `get` and `get_external` show it, but only where something was set."""
    return {
        "internal": internal_items(call.catalogue, chosen, chosen["internal"]),
        "external": external_items(call.catalogue, chosen, chosen["external"]),
    }


PREFERENCES_HELD = Holding(
    Shelf("preferences", PREFERENCES, by_own_id, _view), service="preference", fence=True
)
