"""What sign-up and confirmation refuse."""

from service.problems import Problem


class ConfirmationFailed(Problem):
    """The code is not the one that was made last for this user and e-mail, or is too old."""

    status = 409
    code = "CONFIRMATION_FAILED"
    detail = "The confirmation code is wrong, or it has expired."
