"""All that is held on people, by hand: each part is described by the domain that keeps it.

Whoever makes a kind of aggregate with personal data in it writes a `personal.py` beside it, and
adds it here.
"""

from dataclasses import replace

from service.identity.personal import PERSON
from service.membership.personal import MEMBERSHIPS_HELD, leave_admins
from service.organisation.personal import forget_reply
from service.personal import Holding, Personhood, Shelf
from service.preference.personal import PREFERENCES_HELD
from service.profiles.personal import PROFILES_HELD
from service.tokens.personal import SESSIONS_HELD
from service.users.personal import USER
from service.verification.personal import VERIFICATIONS_HELD

PEOPLE: tuple[Personhood, ...] = (
    replace(USER, along=(leave_admins, forget_reply)),
    PERSON,
)
HOLDINGS: tuple[Holding, ...] = (
    SESSIONS_HELD,
    PROFILES_HELD,
    MEMBERSHIPS_HELD,
    PREFERENCES_HELD,
    VERIFICATIONS_HELD,
)
SHELVES: tuple[Shelf, ...] = (
    *(shelf for each in PEOPLE for shelf in each.shelves),
    *(holding.shelf for holding in HOLDINGS),
)
