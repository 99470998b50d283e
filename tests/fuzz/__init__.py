"""Mutated requests, and what must hold of each of them; `make fuzz` makes as many as it can."""
