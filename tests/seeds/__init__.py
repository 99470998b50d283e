"""The JSON examples of the seeds, replayed."""
