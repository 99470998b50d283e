"""svc.preference, on real servers."""
