"""The catalogue: what the operations and events are, for who talks to the service.

Made from the operations themselves, and committed: JSON Schemas and an AsyncAPI document in
`schemas/catalogue`, the generated part of the client in `schemas/client`. What was released last
is kept in `schemas/published.json`; what would break its callers is told apart from what would not.
"""
