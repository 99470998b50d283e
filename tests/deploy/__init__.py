"""deploy/: what is in it is as the tools that will read it want it, and works."""
