"""The tests of svc-user: they mirror `service/`, and run on real servers."""
