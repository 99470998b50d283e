"""What the tests of accounts and memberships share."""

import pytest

from tests.client import Partner
from tests.membership.accounts import Accounts


@pytest.fixture
def accounts(partner: Partner) -> Accounts:
    """The accounts of a partner of this test alone."""
    return Accounts(partner)
