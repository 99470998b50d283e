"""svc.verification on real servers."""
