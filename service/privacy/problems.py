"""What svc.privacy refuses besides what the domains do."""

from service.problems import Problem


class AggregateNotFound(Problem):
    """There is nothing under this id for this partner and caller, and never was."""

    status = 404
    code = "AGGREGATE_NOT_FOUND"
    detail = "There is nothing under this id."
