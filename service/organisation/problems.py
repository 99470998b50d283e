"""What the organisation refuses."""

from service.problems import Problem


class EntityNotFound(Problem):
    """There is no such entity, business or administrator for this partner and caller."""

    status = 404
    code = "ENTITY_NOT_FOUND"
    detail = "There is no such entity."


class EntityIsPersonal(Problem):
    """A personal entity has the one user that was made with it."""

    status = 409
    code = "ENTITY_IS_PERSONAL"
    detail = "A personal entity has one user, made with it."


class EinTaken(Problem):
    """A business or an administrator of the partner has the EIN."""

    status = 409
    code = "NOT_UNIQUE"
    detail = "A business of the partner already has this EIN."


class InvalidParent(Problem):
    """What is named as the parent cannot be one."""

    status = 409
    code = "INVALID_PARENT"
    detail = "This cannot be the parent."


class Cycle(Problem):
    """The new parent is the business itself, or lies below it."""

    status = 409
    code = "CYCLE"
    detail = "The new parent is the business itself, or lies below it."
