"""Lists without pages that are longer than NATS carries: refused, each part still to be had."""

import asyncio

from tests.client import Partner
from tests.deployment import Deploy
from tests.identity.people import consumer, dependent, protected, signer, ssn
from tests.organisation.company import new_company

MAX_PAYLOAD = 32_768
WIDE = "\N{GOTHIC LETTER AHSA}" * 256
TOO_LARGE = (409, "REPLY_TOO_LARGE", None)


async def test_people(deploy: Deploy) -> None:
    """A household is refused and its parts are not; those who share a number are too many."""
    partner = Partner(await deploy(nats_config=f"max_payload: {MAX_PAYLOAD}"))
    number = ssn()
    wide = {
        "first_name": WIDE,
        "last_name": WIDE,
        "protected_personal_data": protected(number),
    }
    consumer_id = await consumer(partner)
    for make in (dependent, signer):
        await asyncio.gather(*(make(partner, consumer_id, **wide) for _ in range(10)))
    body: dict[str, object] = {"consumer_id": consumer_id}
    assert (await partner.ask("identity.household", body)).refusal == TOO_LARGE
    for part in ("list_dependents", "list_authorized_signers"):
        assert len((await partner.ask(f"identity.{part}", body)).done["items"]) == 10
    assert (await partner.ask("identity.find_by_ssn", {"ssn": number})).refusal == TOO_LARGE
    for make in (dependent, signer):
        await asyncio.gather(*(make(partner, consumer_id, **wide) for _ in range(10)))
    for part in ("list_dependents", "list_authorized_signers"):
        assert (await partner.ask(f"identity.{part}", body)).refusal == TOO_LARGE


async def test_lineage(deploy: Deploy) -> None:
    """The line of a business is refused, that of one above it is not."""
    partner = Partner(await deploy(nats_config=f"max_payload: {MAX_PAYLOAD}"))
    company = await new_company(partner)
    ids = [company.admin_id]
    for _ in range(16):
        ids.append(await company.business(name=WIDE, alias=WIDE, parent_id=ids[-1]))
    reply = await partner.ask("business.lineage", {"business_id": ids[-1]})
    assert reply.refusal == TOO_LARGE
    assert len(await company.lineage(ids[8])) == 9
