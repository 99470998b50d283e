"""What svc.identity refuses."""

from service.problems import Problem


class PersonNotFound(Problem):
    """There is no such person for this partner and caller."""

    status = 404
    code = "PERSON_NOT_FOUND"
    detail = "There is no such person."


class UnmaskedNotPermitted(Problem):
    """Numbers in the clear take a right of their own."""

    status = 403
    code = "UNMASKED_NOT_PERMITTED"
    detail = "UNMASKED takes the scope read:sensitive."


class LimitReached(Problem):
    """The consumer has as many dependents, or as many signers, as it may."""

    status = 409
    code = "LIMIT_REACHED"
    detail = "A consumer has at most 100 dependents, and at most 100 authorized signers."
