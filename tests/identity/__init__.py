"""svc.identity on real servers."""
