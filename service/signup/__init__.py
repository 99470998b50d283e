"""Sign-up and the confirmation of an e-mail: the part of svc.user for users of no entity yet."""

from service.signup.operations import operations

__all__ = ["operations"]
