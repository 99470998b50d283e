"""What makes tokens and judges secrets, as a handler sees it."""

from dataclasses import dataclass

from service.auth.hashing import Hashing
from service.auth.issuer import Issuer
from service.auth.tokens import Verifier
from service.tokens.attempts import Attempts
from service.tokens.clients import Clients


@dataclass(slots=True)
class Authority:
    """One way in to everything that tokens are made and judged with."""

    clients: Clients
    attempts: Attempts
    hashing: Hashing
    verifier: Verifier
    issuer: Issuer | None
    """None in a deployment that has no keys of its own to sign with."""
    token_seconds: int
    refresh_seconds: int
