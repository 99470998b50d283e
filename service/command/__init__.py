"""The bodies of the command `svc-user`: a module for each command, and what they share."""
