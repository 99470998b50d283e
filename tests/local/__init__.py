"""Tests of the servers that `svc-user dev` and the other tests start."""
