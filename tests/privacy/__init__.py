"""svc.privacy."""
