"""Where reads go: to the primary, for elsewhere what was acknowledged may be missing."""

import pytest

from tests.client import Partner
from tests.deployment import Deploy
from tests.organisation.company import new_person


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_whatever_the_uri_says(deploy: Deploy, mongo_uri: str, driver: str) -> None:
    """Of a set of one there is no secondary that could answer."""
    uri = f"{mongo_uri}{'&' if '?' in mongo_uri else '/?'}readPreference=secondary"
    partner = Partner(await deploy(1, mongo=uri, mongo_driver=driver))
    made = await partner.ask("entity.create", new_person(), idempotency_key="k")
    user_id = made.done["userId"]
    assert (await partner.ask("user.get", {"user_id": user_id})).done
    assert (await partner.ask("user.list", {})).done["users"][0]["id"] == user_id
    assert (await partner.ask("user.update", {"user_id": user_id, "title": "Dr"})).version == 2
