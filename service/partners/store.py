"""Partners in MongoDB: one document each, with the partner's id as its own, once anything is set."""

from service.storage.kind import Kind

PARTNERS = Kind("partners")
