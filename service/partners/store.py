"""Partners in MongoDB: a document each, under the partner's own id, once anything is set."""

from service.storage.kind import Kind

PARTNERS = Kind("partners")
