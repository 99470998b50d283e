"""What goes over the wire: requests, replies, refusals and events. No I/O but in `client`.

Requests are pydantic models, validated once, straight from the bytes. Replies and event data are
typed dicts: they are built from what is already valid and written once, so a model would only cost.
Both have a JSON Schema, in `catalogue/`.
"""
