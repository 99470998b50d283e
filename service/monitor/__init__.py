"""What those who run a worker see of it: whether it is well, what it does, and its traces."""
