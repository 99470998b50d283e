"""What svc.profile refuses."""

from service.problems import Problem


class ProfileNotFound(Problem):
    """There is no such profile for this partner and caller."""

    status = 404
    code = "PROFILE_NOT_FOUND"
    detail = "There is no such profile."


class ProfileThere(Problem):
    """The user has its personal profile, or one for this business, already."""

    status = 409
    code = "NOT_UNIQUE"
    detail = "The user has this profile already."
