"""The command `svc-user`, as a shell and its user meet it."""
