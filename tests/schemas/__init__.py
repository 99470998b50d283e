"""What is in `schemas` besides shapes: the typed client, on real servers."""
