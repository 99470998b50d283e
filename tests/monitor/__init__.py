"""What a worker shows of itself, asked over real HTTP."""
