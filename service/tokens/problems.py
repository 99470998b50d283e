"""What svc.token refuses: in one wording, whatever it was that did not fit (RFC 6749, 5.2)."""

from service.problems import Problem


class InvalidClient(Problem):
    """No such client, or not its secret."""

    status = 401
    code = "INVALID_CLIENT"
    detail = "The client is unknown, or its secret is wrong."


class InvalidGrant(Problem):
    """What the token was asked by is wrong, spent, expired or revoked, or there is no such user."""

    status = 401
    code = "INVALID_GRANT"
    detail = "The code or refresh token is wrong, was used before, or works no more."


class ScopeNotGranted(Problem):
    """The client asks for a scope that it does not have."""

    status = 400
    code = "NOT_ALLOWED_VALUE"
    detail = "A scope is asked for that this client does not have."
