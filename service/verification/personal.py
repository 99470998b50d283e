"""What svc.verification holds on a person: what was asked to be proved of it, and by what."""

from service.call import Call
from service.personal import Holding, Shelf, Where
from service.storage.mongo import Document
from service.verification import store
from service.verification.store import VERIFICATIONS


def _of_person(partner: str, person_id: str) -> Where:
    return {"partner": partner, "person_id": person_id}, "by_person"


def _view(call: Call, verification: Document) -> object:
    return store.held(call, verification)


VERIFICATIONS_HELD = Holding(
    Shelf("verifications", VERIFICATIONS, _of_person, _view), service="verification"
)
