"""svc-user: the users-and-identity service on a NATS message bus."""

__version__ = "0.1.0"
