"""Workers and servers that die, freeze and come back, and what must be true after it."""
