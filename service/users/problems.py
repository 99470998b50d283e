"""What svc.user refuses."""

from service.problems import Problem
from service.storage.sealing import masked_email


class UserNotFound(Problem):
    """There is no such user for this partner and caller."""

    status = 404
    code = "USER_NOT_FOUND"
    detail = "There is no such user."


class ContactEmailNotSet(Problem):
    """The user has no contact e-mail."""

    status = 404
    code = "CONTACT_EMAIL_NOT_SET"
    detail = "This user has no contact e-mail; its own e-mail is the one to use."


class EmailTaken(Problem):
    """An active user of the partner has the e-mail. Wording and arguments are Wise's."""

    status = 409
    code = "NOT_UNIQUE"
    detail = "An active user already has this e-mail."

    def __init__(self, email: str) -> None:
        super().__init__(
            "You’re already a member. Please login",
            path="email",
            arguments=["email", masked_email(email)],
        )
