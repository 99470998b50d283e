"""What svc.account and svc.membership refuse."""

from service.problems import Problem


class AccountNotFound(Problem):
    """There is no such account for this partner and caller."""

    status = 404
    code = "ACCOUNT_NOT_FOUND"
    detail = "There is no such account."


class MembershipNotFound(Problem):
    """The user has no role in the account."""

    status = 404
    code = "MEMBERSHIP_NOT_FOUND"
    detail = "This user has no role in this account."


class MemberTokenRefused(Problem):
    """What is to prove who is to be added proves nobody."""

    status = 400
    code = "NOT_ALLOWED_VALUE"
    detail = "Not a user's token of this partner, or not good any more."

    def __init__(self) -> None:
        super().__init__(path="member_access_token")


class NotAccountAdmin(Problem):
    """The acting user's role in the account does not allow it."""

    status = 403
    code = "NOT_ACCOUNT_ADMIN"
    detail = "The acting user's role in this account does not allow it."


class AlreadyMember(Problem):
    """The user has a role in the account; `modify` changes it."""

    status = 409
    code = "ALREADY_MEMBER"
    detail = "This user has a role in this account already."


class UserNotConfirmed(Problem):
    """Only who has confirmed its e-mail becomes an admin."""

    status = 409
    code = "USER_NOT_CONFIRMED"
    detail = "To become an admin a user must have confirmed its e-mail."


class UserNotActive(Problem):
    """Who may act nowhere does not become an admin."""

    status = 409
    code = "USER_NOT_ACTIVE"
    detail = "An inactive user cannot become an admin."


class FundsSettled(Problem):
    """The account has settled funds, and since then its admins are who they are."""

    status = 409
    code = "FUNDS_SETTLED"
    detail = "The admins of an account cannot change once it has settled funds."


class LastAdmin(Problem):
    """An account without an admin must not be."""

    status = 409
    code = "LAST_ADMIN"
    detail = "The last admin of an account can be neither demoted, removed nor erased."


class NotPending(Problem):
    """There is nothing to approve or to reject."""

    status = 409
    code = "NOT_PENDING"
    detail = "This user is not proposed as an admin of this account."
