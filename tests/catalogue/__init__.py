"""The catalogue: its form, its page, and what it lets change."""
