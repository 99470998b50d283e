"""What svc.preference refuses."""

from service.problems import Problem


class PersonNotFound(Problem):
    """There is no such person for this partner and caller."""

    status = 404
    code = "PERSON_NOT_FOUND"
    detail = "There is no such person."
