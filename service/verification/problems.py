"""What svc.verification refuses."""

from service.problems import Problem


class VerificationNotFound(Problem):
    """There is no such verification for this partner and caller."""

    status = 404
    code = "VERIFICATION_NOT_FOUND"
    detail = "There is no such verification."


class AlreadyPending(Problem):
    """A person has at most one pending verification of each kind."""

    status = 409
    code = "ALREADY_PENDING"
    detail = "A verification of this kind is pending for this person."


class NotPending(Problem):
    """What is decided stays so."""

    status = 409
    code = "NOT_PENDING"
    detail = "This verification is decided already."


class SubmittedByCaller(Problem):
    """Nobody decides what it has submitted itself."""

    status = 403
    code = "SUBMITTED_BY_CALLER"
    detail = "Who submitted a verification cannot decide it."
