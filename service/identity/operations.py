"""The operations of svc.identity: the resolver, then each role from the business down."""

from service.identity import consumers, contacts, household, resolver

operations = (
    *resolver.operations,
    *consumers.operations,
    *household.operations,
    *contacts.operations,
)
