"""What svc.token holds on a person: the session that it signed in with."""

from service.call import Call
from service.personal import Holding, Shelf, Where
from service.storage.mongo import Document
from service.tokens.sessions import CODE_SPENT, SESSIONS


def _of_user(_partner: str, person_id: str) -> Where:
    return {"user_id": person_id, "grant": "registration_code"}, CODE_SPENT


def _view(_call: Call, session: Document) -> object:
    names = ("client_id", "created_at", "updated_at", "refresh_expires_at", "ended")
    return {"session_id": session["_id"], **{name: session[name] for name in names}}


SESSIONS_HELD = Holding(
    Shelf("record", SESSIONS, _of_user, _view), service="token", kept={"ended": True}
)
