"""The MongoDB side: one door, batches, aggregates with their outbox, sealing."""
